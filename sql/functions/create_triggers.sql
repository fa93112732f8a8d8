-- create_triggers(relation, direction): the capture triggers of a table and, if it is partitioned,
-- of its partitions: a row trigger (a partition inherits it) and a TRUNCATE trigger each, all of
-- them ENABLE ALWAYS, so that session_replication_role does not silence them. The names sort before
-- usual ones, so that a change is captured before a user's trigger on the same row makes another.
-- Called by: track.
CREATE FUNCTION officesync.create_triggers(relation regclass, direction text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    member regclass;
BEGIN
    PERFORM officesync.drop_triggers(relation);
    EXECUTE format('CREATE TRIGGER "00_officesync_capture" AFTER INSERT OR UPDATE OR DELETE ON %s
                    FOR EACH ROW EXECUTE FUNCTION officesync.capture(%L)', relation, direction);
    FOR member IN SELECT relation UNION SELECT p.relid FROM pg_partition_tree(relation) p LOOP
        EXECUTE format('CREATE TRIGGER "00_officesync_truncate" AFTER TRUNCATE ON %s
                        FOR EACH STATEMENT EXECUTE FUNCTION officesync.capture(%L)', member, direction);
        EXECUTE format('ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER "00_officesync_capture"', member);
        EXECUTE format('ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER "00_officesync_truncate"', member);
    END LOOP;
END
$$;
