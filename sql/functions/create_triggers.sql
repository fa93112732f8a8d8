-- create_triggers(relation, direction, scope): the capture triggers of a table, all of them ENABLE ALWAYS, so
-- that session_replication_role does not silence them. The names sort before usual ones, so that a
-- change is captured before a user's trigger on the same row makes another.
-- A partitioned table has a row trigger, which its partitions inherit, and is told before and after a
-- TRUNCATE. scope: how its rows are shared out, see scope_arguments(). Called by: track.
CREATE FUNCTION officesync.create_triggers(relation regclass, direction text, scope text[] DEFAULT '{}') RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    partitioned boolean := (SELECT c.relkind = 'p' FROM pg_class c WHERE c.oid = relation);
    told        text := (SELECT string_agg(quote_literal(a.value), ', ' ORDER BY a.nth)
                         FROM unnest(direction || scope) WITH ORDINALITY a (value, nth));
    member      regclass;
BEGIN
    PERFORM officesync.drop_triggers(relation);
    EXECUTE format('CREATE TRIGGER "00_officesync_capture" AFTER INSERT OR UPDATE OR DELETE ON %s
                    FOR EACH ROW EXECUTE FUNCTION officesync.capture(%s)', relation, told);
    EXECUTE format('ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER "00_officesync_capture"', relation);
    EXECUTE format('CREATE TRIGGER "00_officesync_truncate" AFTER TRUNCATE ON %s
                    FOR EACH STATEMENT EXECUTE FUNCTION officesync.capture(%L)', relation, direction);
    EXECUTE format('ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER "00_officesync_truncate"', relation);
    IF partitioned THEN
        EXECUTE format('CREATE TRIGGER "00_officesync_truncating" BEFORE TRUNCATE ON %s
                        FOR EACH STATEMENT EXECUTE FUNCTION officesync.capture(%L)', relation, direction);
        EXECUTE format('ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER "00_officesync_truncating"', relation);
        FOR member IN SELECT p.relid FROM pg_partition_tree(relation) p WHERE p.relid <> relation LOOP
            PERFORM officesync.cover_partition(member, relation, direction);
        END LOOP;
    END IF;
END
$$;

-- cover_partition(member, root, direction): the same for one partition: the inherited row trigger is
-- made ENABLE ALWAYS, and where rows lie there is a trigger that captures them before a TRUNCATE. It
-- knows the table it belongs to, for the day it is detached. Called by: create_triggers, cover_partitions.
CREATE FUNCTION officesync.cover_partition(member regclass, root regclass, direction text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $$
BEGIN
    IF (SELECT c.relkind = 'r' FROM pg_class c WHERE c.oid = member) THEN
        EXECUTE format('DROP TRIGGER IF EXISTS "00_officesync_truncating" ON %s', member);
        EXECUTE format('CREATE TRIGGER "00_officesync_truncating" BEFORE TRUNCATE ON %s
                        FOR EACH STATEMENT EXECUTE FUNCTION officesync.capture(%L, %L)',
                       member, direction, root::oid);
        EXECUTE format('ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER "00_officesync_truncating"', member);
    END IF;
    EXECUTE format('ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER "00_officesync_capture"', member);
END
$$;
