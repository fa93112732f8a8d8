-- capture_filled(relation, before): columns that a statement has added and filled with values that no other
-- office would find (now(), random(), a sequence) go out row by row. Called by: the library. Touches: outbox.
CREATE FUNCTION officesync.capture_filled(relation oid, before jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    added text[];
    part  oid;
BEGIN
    SELECT array_agg(a.attname ORDER BY a.attnum) INTO added
    FROM pg_attribute a
    LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
    WHERE a.attrelid = capture_filled.relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
      AND before -> relation::text IS NOT NULL AND NOT (before -> relation::text -> 'columns') ? a.attnum::text
      AND (a.attidentity <> '' OR officesync.is_mutable(f.adbin));
    IF added IS NOT NULL THEN
        FOR part IN
            SELECT c.oid FROM pg_class c WHERE c.oid = capture_filled.relation AND c.relkind = 'r'
            UNION ALL SELECT p.relid FROM pg_partition_tree(capture_filled.relation) p WHERE p.isleaf AND p.relid <> capture_filled.relation
        LOOP
            PERFORM officesync.capture_columns(part, capture_filled.relation, added);
        END LOOP;
    END IF;
END
$$;

-- capture_columns(partition, root, columns): captures each row as an update of these columns, as if they had
-- been NULL. Called by: capture_filled. Touches: outbox.
CREATE FUNCTION officesync.capture_columns(partition oid, root oid, columns text[]) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'capture_columns_wrapper';

-- is_mutable(expression): whether an expression of the catalogue may give another value elsewhere, or later.
CREATE FUNCTION officesync.is_mutable(expression pg_node_tree) RETURNS boolean
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'officesync_is_mutable';

-- capture_tracking(schema, table, direction, branch_column, branch_path), capture_definition(schema, table, statement): at the head: tell the
-- branches of a table that is tracked (without a direction: no longer), and how to make it. Called by: track, untrack.
CREATE FUNCTION officesync.capture_tracking(
    schema_name text, table_name text, direction text, branch_column text, branch_path text) RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'capture_tracking_wrapper';
CREATE FUNCTION officesync.capture_definition(schema_name text, table_name text, statement text) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'capture_definition_wrapper';
