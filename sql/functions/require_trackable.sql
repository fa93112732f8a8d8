-- require_trackable(relation): raises an error unless the caller may track this table and it is of
-- a kind that can be tracked. Called by: track.
CREATE FUNCTION officesync.require_trackable(relation regclass) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    class   pg_class;
    schema  name;
    parent  regclass;
    refused text;
    remedy  text;
BEGIN
    SELECT c.* INTO class FROM pg_class c WHERE c.oid = relation;
    IF NOT FOUND THEN
        RAISE undefined_table USING MESSAGE = format('there is no table with the OID %s', relation::oid);
    END IF;
    SELECT n.nspname INTO schema FROM pg_namespace n WHERE n.oid = class.relnamespace;
    IF schema IN ('pg_catalog', 'information_schema', 'pg_toast', 'officesync') THEN
        refused := 'it is a system table';
        remedy := 'Track tables of your own.';
    ELSIF class.relkind IN ('v', 'm') THEN
        refused := 'it is a view';
        remedy := 'Track the tables behind it.';
    ELSIF class.relkind = 'f' THEN
        refused := 'it is a foreign table';
        remedy := 'Track the table in the database it lives in.';
    ELSIF class.relkind NOT IN ('r', 'p') THEN
        refused := 'it is not a table';
        remedy := 'Name a table.';
    ELSIF class.relpersistence = 't' THEN
        refused := 'it is temporary';
        remedy := 'Only tables that outlive a session can be tracked.';
    ELSIF class.relpersistence = 'u' THEN
        refused := 'it is unlogged';
        remedy := format('After a crash it would be empty. Run ALTER TABLE %s SET LOGGED first.', relation);
    ELSIF class.relispartition THEN
        SELECT a.relid INTO parent FROM pg_partition_ancestors(relation) WITH ORDINALITY AS a (relid, depth)
        ORDER BY depth DESC LIMIT 1;
        refused := format('it is a partition of %s', parent);
        remedy := format('Track the parent, which brings its partitions: SELECT officesync.track(%L).', parent);
    END IF;
    IF refused IS NOT NULL THEN
        RAISE wrong_object_type USING
            MESSAGE = format('table %s can''t be tracked: %s', relation, refused), HINT = remedy;
    END IF;
    IF NOT pg_has_role(officesync.calling_role(), class.relowner, 'USAGE') THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('must be owner of table %s to track it', relation),
            HINT = format('Ask %s, or a superuser.', class.relowner::regrole);
    END IF;
    IF NOT officesync.has_key(relation) THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('table %s can''t be tracked: its rows have no key', relation),
            DETAIL = 'A change finds its row at the other offices by the key.',
            HINT = format('Add a primary key, or choose a unique index over NOT NULL columns: ALTER TABLE %1$s REPLICA IDENTITY USING INDEX ...; or, if its rows are few or only ever inserted: ALTER TABLE %1$s REPLICA IDENTITY FULL.', relation);
    END IF;
END
$$;
