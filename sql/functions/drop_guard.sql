-- forget_dropped(): a tracked table that was dropped is tracked no longer.
CREATE FUNCTION officesync.forget_dropped() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM officesync.tracked t USING pg_event_trigger_dropped_objects() d
    WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0 AND t.relation = d.objid;
END
$$;
CREATE EVENT TRIGGER officesync_forget_dropped ON sql_drop WHEN TAG IN ('DROP TABLE', 'DROP SCHEMA', 'DROP OWNED')
    EXECUTE FUNCTION officesync.forget_dropped();

-- require_nothing_unsent(): raises an error while changes are unsent, unless the setting
-- officesync.force is on. Sessions to come do not load the library any more. Called by: guard_extension.
CREATE FUNCTION officesync.require_nothing_unsent() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF officesync.has_unsent()
       AND coalesce(current_setting('officesync.force', true), '') NOT IN ('on', 'true', '1') THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = 'officesync can''t be dropped: this office has changes that were not sent',
            DETAIL = 'They would be lost to the other offices.',
            HINT = 'Wait until officesync.outbox_status shows none, or SET officesync.force = on first.';
    END IF;
    PERFORM officesync.preload(without => true);
END
$$;

-- guard_extension(): runs require_nothing_unsent() before DROP EXTENSION officesync. In the library,
-- because only there the statement itself can be seen.
CREATE FUNCTION officesync.guard_extension() RETURNS event_trigger
LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'officesync_guard_extension';
CREATE EVENT TRIGGER officesync_guard_extension ON ddl_command_start WHEN TAG IN ('DROP EXTENSION')
    EXECUTE FUNCTION officesync.guard_extension();
