-- drop_triggers(relation): undoes create_triggers. Called by: create_triggers, untrack.
CREATE FUNCTION officesync.drop_triggers(relation regclass) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $$
DECLARE
    member regclass;
BEGIN
    EXECUTE format('DROP TRIGGER IF EXISTS "00_officesync_capture" ON %s', relation);
    EXECUTE format('DROP TRIGGER IF EXISTS "00_officesync_truncate" ON %s', relation);
    FOR member IN SELECT relation UNION SELECT p.relid FROM pg_partition_tree(relation) p LOOP
        EXECUTE format('DROP TRIGGER IF EXISTS "00_officesync_truncating" ON %s', member);
    END LOOP;
END
$$;
