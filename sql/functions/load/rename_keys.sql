-- rename_keys(before): at the head: what is still to be read of tables that are being loaded knows the columns of their
-- keys by name; those that were renamed since table_shapes() gave "before" get their new names. Called by: record_shapes.
-- Touches: reading, load_waiting.
CREATE FUNCTION officesync.rename_keys(before jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    loaded record;
BEGIN
    FOR loaded IN
        SELECT l.office, l.nth, jsonb_object_agg(o.value ->> 0, a.attname) AS names
        FROM officesync.load_table l
        JOIN pg_class c ON c.oid = to_regclass(format('%I.%I', l.schema_name, l.table_name))
        CROSS JOIN LATERAL jsonb_each(before -> c.oid::text -> 'columns') o
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = o.key::smallint AND NOT a.attisdropped
             AND a.attname <> o.value ->> 0
        GROUP BY l.office, l.nth
    LOOP
        UPDATE officesync.reading r SET request = r.request || officesync.renamed_key(r.request, loaded.names)
        WHERE r.branch = loaded.office AND r.kind = 'load_rows' AND r.request ? 'key'
          AND (r.request ->> 'nth')::integer = loaded.nth;
        UPDATE officesync.load_waiting w SET request = w.request || officesync.renamed_key(w.request, loaded.names)
        WHERE w.office = loaded.office AND w.kind = 'load_rows' AND w.request ? 'key'
          AND (w.request ->> 'nth')::integer = loaded.nth;
    END LOOP;
END
$$;

-- renamed_key(request, names): the key of a chunk, and its columns as they are sorted by, with new names for old.
CREATE FUNCTION officesync.renamed_key(request jsonb, names jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object(
               'key', jsonb_agg(coalesce(names ->> k.name, k.name) ORDER BY k.nth),
               -- A collation may follow.
               'columns', jsonb_agg(CASE WHEN names ? k.name
                                    THEN quote_ident(names ->> k.name) || substr(c.name, length(quote_ident(k.name)) + 1)
                                    ELSE c.name END ORDER BY k.nth))
    FROM jsonb_array_elements_text(request -> 'key') WITH ORDINALITY k (name, nth)
    JOIN jsonb_array_elements_text(request -> 'columns') WITH ORDINALITY c (name, nth) ON c.nth = k.nth
$$;
