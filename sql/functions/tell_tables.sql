-- tell_tables(known, origin, ...): the definitions of our tracked tables, at a branch the functions that it has, and the
-- digest they go by; both are NULL where that digest is known already. Called by: the relay, every few seconds to
-- notice a change, and when a peer (origin, its incarnation and broker user) says what it holds.
-- Touches nothing.
CREATE FUNCTION officesync.tell_tables(
    known text, origin text DEFAULT NULL, incarnation text DEFAULT NULL, broker_user text DEFAULT NULL)
RETURNS TABLE (digest text, definitions text, functions text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    told text;
    has  text[];
BEGIN
    IF tell_tables.origin IS NOT NULL THEN
        PERFORM officesync.require_sender(tell_tables.origin, tell_tables.incarnation, tell_tables.broker_user);
    END IF;
    told := officesync.table_definitions()::text;
    IF octet_length(told) > 8000000 THEN
        RAISE program_limit_exceeded USING
            MESSAGE = format('the definitions of the %s tracked tables are too large to be told to the other offices: %s',
                             (SELECT count(*) FROM officesync.tracked), pg_size_pretty(octet_length(told)::bigint)),
            DETAIL = 'The limit is 8 MB. Changes travel all the same; that tables are alike at all offices is not checked.',
            HINT = 'Untrack tables that need not travel.';
    END IF;
    IF (SELECT o.role = 'branch' FROM officesync.office o) THEN
        has := officesync.functions_here();
    END IF;
    digest := encode(sha256(convert_to(concat_ws(' ', told, array_to_string(has, ' ')), 'UTF8')), 'hex');
    IF digest IS DISTINCT FROM tell_tables.known THEN
        definitions := told;
        functions := has;
    END IF;
    RETURN NEXT;
END
$$;

-- held_tables(origin): the digest of that office's definitions as we hold them; NULL for none.
-- Called by: the relay, at each hello and welcome, to ask for what is newer. Touches nothing.
CREATE FUNCTION officesync.held_tables(origin text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT h.digest FROM officesync.held_tables h WHERE h.office = held_tables.origin $$;
