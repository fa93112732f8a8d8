-- What happens to partitions of tracked tables: an office may be partitioned differently from the
-- others, so that a partition with rows that comes is as many inserts, and one that goes as many deletes.

-- tracked_root(relation): the tracked table that a partition belongs to, or NULL.
CREATE FUNCTION officesync.tracked_root(relation regclass) RETURNS regclass
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT t.relation FROM pg_partition_ancestors(tracked_root.relation) a
    JOIN officesync.tracked t ON t.relation = a.relid
    WHERE a.relid <> tracked_root.relation
$$;

-- is_covered(member): whether a partition has the triggers that cover_partition() makes.
CREATE FUNCTION officesync.is_covered(member regclass) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM pg_class c JOIN pg_trigger g ON g.tgrelid = c.oid AND g.tgenabled = 'A'
             AND g.tgfoid = 'officesync.capture()'::regprocedure
        WHERE c.oid = is_covered.member
          AND g.tgname = CASE c.relkind WHEN 'p' THEN '00_officesync_capture'
                                        ELSE '00_officesync_truncating' END)
$$;

-- cover_new_partitions(): Partitions that a tracked table has gained
-- get their triggers, and their rows are captured; those it has lost lose them. The ALTER TABLE of
-- cover_partition() comes here too, so what was done in between is looked at again. Called by:
-- cover_partitions, and the library when it has run a statement of the head.
CREATE FUNCTION officesync.cover_new_partitions() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $$
DECLARE
    gained record;
    lost   record;
BEGIN
    FOR gained IN
        SELECT p.relid AS member, t.relation AS root, t.direction, c.relkind = 'r' AS has_rows
        FROM officesync.tracked t
        JOIN pg_class r ON r.oid = t.relation AND r.relkind = 'p'
        CROSS JOIN LATERAL pg_partition_tree(t.relation) p
        JOIN pg_class c ON c.oid = p.relid AND c.relkind IN ('r', 'p') AND c.oid <> r.oid
        WHERE NOT officesync.is_covered(p.relid)
    LOOP
        CONTINUE WHEN officesync.is_covered(gained.member);
        PERFORM officesync.cover_partition(gained.member, gained.root, gained.direction);
        IF gained.has_rows THEN
            PERFORM officesync.capture_rows(gained.member, gained.root, gained.direction, false);
        END IF;
    END LOOP;
    FOR lost IN
        SELECT g.tgrelid AS member, g.root, t.direction
        FROM (SELECT g.tgrelid, nullif(split_part(encode(g.tgargs, 'escape'), '\000', 2), '')::oid AS root
              FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid AND c.relkind = 'r'
              WHERE g.tgname = '00_officesync_truncating'
                AND g.tgfoid = 'officesync.capture()'::regprocedure) g
        LEFT JOIN officesync.tracked t ON t.relation = g.root
        WHERE NOT EXISTS (SELECT FROM pg_partition_ancestors(g.tgrelid) a WHERE a.relid = g.root)
    LOOP
        EXECUTE format('DROP TRIGGER "00_officesync_truncating" ON %s', lost.member::regclass);
        IF lost.direction IS NOT NULL THEN
            PERFORM officesync.capture_rows(lost.member, lost.root, lost.direction, true);
        END IF;
    END LOOP;
END
$$;
-- cover_partitions(): the same after a table was created or altered.
CREATE FUNCTION officesync.cover_partitions() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM officesync.cover_new_partitions();
END
$$;
CREATE EVENT TRIGGER officesync_cover_partitions ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE')
    EXECUTE FUNCTION officesync.cover_partitions();

-- before_drop(relations): captures the rows of partitions that a DROP TABLE is about to take from a
-- tracked table that itself stays. Called by: guard_partitions.
CREATE FUNCTION officesync.before_drop(relations oid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    leaf record;
BEGIN
    FOR leaf IN
        SELECT DISTINCT p.relid AS member, t.relation AS root, t.direction
        FROM unnest(relations) AS d (relation)
        JOIN officesync.tracked t ON t.relation = officesync.tracked_root(d.relation)
        CROSS JOIN LATERAL pg_partition_tree(d.relation) p
        JOIN pg_class c ON c.oid = p.relid AND c.relkind = 'r'
        WHERE t.relation <> ALL (relations)
          AND pg_has_role(officesync.calling_role(), c.relowner, 'USAGE')
    LOOP
        EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', leaf.member::regclass);
        PERFORM officesync.capture_rows(leaf.member, leaf.root, leaf.direction, true);
    END LOOP;
END
$$;

-- guard_partitions(): runs before_drop() ahead of DROP TABLE. In the library, because only there the
-- statement itself can be seen.
CREATE FUNCTION officesync.guard_partitions() RETURNS event_trigger
LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'officesync_guard_partitions';
CREATE EVENT TRIGGER officesync_guard_partitions ON ddl_command_start WHEN TAG IN ('DROP TABLE')
    EXECUTE FUNCTION officesync.guard_partitions();
