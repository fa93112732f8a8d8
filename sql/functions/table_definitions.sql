-- table_definitions(): what the other offices need to know of our tracked tables to compare theirs:
-- an array, one object a table, in the order of their names. columns: name to type; not_null,
-- generated: names, enums: name to labels, each only where there are any; key: the names of the key's
-- columns, in the order of the names, null where the whole row is the key, empty where there is none.
-- Called by: tell_tables, check.
CREATE FUNCTION officesync.table_definitions() RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH columns AS (
        SELECT a.attrelid AS relation,
               jsonb_object_agg(a.attname, format_type(a.atttypid, a.atttypmod)) AS types,
               jsonb_agg(a.attname ORDER BY a.attname) FILTER (WHERE a.attnotnull) AS not_null,
               jsonb_agg(a.attname ORDER BY a.attname) FILTER (WHERE a.attgenerated <> '') AS generated,
               jsonb_object_agg(a.attname, e.labels) FILTER (WHERE e.labels IS NOT NULL) AS enums
        FROM officesync.tracked t
        JOIN pg_attribute a ON a.attrelid = t.relation AND a.attnum > 0 AND NOT a.attisdropped
        JOIN pg_type y ON y.oid = a.atttypid
        LEFT JOIN (SELECT e.enumtypid, jsonb_agg(e.enumlabel ORDER BY e.enumsortorder) AS labels
                   FROM pg_enum e GROUP BY e.enumtypid) e
               ON e.enumtypid = CASE WHEN y.typelem = 0 THEN y.oid ELSE y.typelem END
        GROUP BY a.attrelid
    ), keys AS (
        SELECT i.indrelid AS relation, jsonb_agg(a.attname ORDER BY a.attname) AS names
        FROM officesync.tracked t
        JOIN pg_class c ON c.oid = t.relation
        JOIN pg_index i ON i.indrelid = c.oid AND i.indisvalid
             AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident ELSE false END
        JOIN pg_attribute a ON a.attrelid = c.oid
             AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
        GROUP BY i.indrelid
    )
    SELECT coalesce(jsonb_agg(
               jsonb_build_object('table', jsonb_build_array(n.nspname, c.relname),
                                  'direction', t.direction,
                                  'columns', coalesce(l.types, '{}'::jsonb),
                                  'key', CASE WHEN c.relreplident = 'f' THEN 'null'::jsonb
                                              ELSE coalesce(k.names, '[]'::jsonb) END)
               || CASE WHEN l.not_null IS NULL THEN '{}'::jsonb ELSE jsonb_build_object('not_null', l.not_null) END
               || CASE WHEN l.generated IS NULL THEN '{}'::jsonb ELSE jsonb_build_object('generated', l.generated) END
               || CASE WHEN l.enums IS NULL THEN '{}'::jsonb ELSE jsonb_build_object('enums', l.enums) END
               || CASE WHEN t.branch_column IS NULL THEN '{}'::jsonb ELSE jsonb_build_object('branch_column', t.branch_column) END
               || CASE WHEN t.branch_path IS NULL THEN '{}'::jsonb ELSE jsonb_build_object('branch_path', t.branch_path) END
               ORDER BY n.nspname, c.relname), '[]'::jsonb)
    FROM officesync.tracked t
    JOIN pg_class c ON c.oid = t.relation
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN columns l ON l.relation = t.relation
    LEFT JOIN keys k ON k.relation = t.relation
$$;
