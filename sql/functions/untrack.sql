-- untrack(table, force): stops capturing the table. Refused while captured changes are unsent,
-- unless forced: what was captured still goes out, but a table untracked at the other offices first
-- could not take it. Called by: the table's owner. Touches: tracked, and the
-- table's triggers; at the head also outbox: the branches untrack it, and keep it.
CREATE FUNCTION officesync.untrack("table" regclass, force boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    relation regclass := untrack."table";
    owner    oid;
BEGIN
    IF relation IS NULL THEN
        RAISE null_value_not_allowed USING
            MESSAGE = 'untrack() needs a table', HINT = 'SELECT officesync.untrack(''orders'');';
    END IF;
    SELECT c.relowner INTO owner FROM pg_class c WHERE c.oid = relation;
    IF owner IS NOT NULL AND NOT pg_has_role(officesync.calling_role(), owner, 'USAGE') THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('must be owner of table %s to untrack it', relation),
            HINT = format('Ask %s, or a superuser.', owner::regrole);
    END IF;
    IF NOT EXISTS (SELECT FROM officesync.tracked t WHERE t.relation = untrack."table") THEN
        RAISE NOTICE 'table % is not tracked', relation;
        RETURN;
    END IF;
    PERFORM officesync.require_no_dependents(relation);
    IF officesync.has_unsent() AND NOT coalesce(force, false) THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('table %s can''t be untracked yet: this office has changes that were not sent', relation),
            HINT = 'Wait until officesync.outbox_status shows none (is the relay running?), or use officesync.untrack(table, force => true).';
    END IF;
    PERFORM officesync.tell_tracking(relation, NULL, false);
    DELETE FROM officesync.tracked t WHERE t.relation = untrack."table";
    IF owner IS NOT NULL THEN
        PERFORM officesync.drop_triggers(relation);
    END IF;
END
$$;
