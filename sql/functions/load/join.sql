-- join(): at a branch whose database is empty, asks the head for the tables and their rows. What the head sends is
-- taken as soon as the relay runs; asked again, it goes on. Returns the state of the loading.
-- Called by: the relay (its command join, or OFFICESYNC_JOIN), or a superuser. Touches: load, halted.
CREATE FUNCTION officesync.join() RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    here  officesync.office := officesync.this_office();
    known text;
BEGIN
    IF here.role <> 'branch' THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('"%s" is the head office: there is nobody it could join', here.name),
            HINT = 'Run it at the branch that is new.';
    END IF;
    SELECT l.state INTO known FROM officesync.load l WHERE l.office = here.name;
    IF FOUND THEN
        RETURN known;
    END IF;
    IF EXISTS (SELECT FROM officesync.tracked) THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('the branch "%s" has tracked tables already', here.name),
            DETAIL = format('One of them is %s. Joining makes the tables as they are at the head, and fills them.',
                            (SELECT t.relation FROM officesync.tracked t LIMIT 1)),
            HINT = 'A branch that holds rows already is compared with the head instead: officesync-relay verify.';
    END IF;
    INSERT INTO officesync.load (office) VALUES (here.name);
    -- What has arrived for tables that are not there yet is contained in what will come.
    DELETE FROM officesync.halted h USING officesync.peer p WHERE p.name = h.origin AND p.role = 'head';
    NOTIFY officesync_lane;
    RETURN 'asked';
END
$$;

-- load_state(): how far the loading of this branch is; NULL where none was asked for. Called by: the relay.
-- Touches nothing.
CREATE FUNCTION officesync.load_state() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT l.state FROM officesync.load l JOIN officesync.office o ON o.name = l.office AND o.role = 'branch' $$;
