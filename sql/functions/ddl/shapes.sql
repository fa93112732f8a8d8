-- table_shapes(): the tracked tables, their columns and types, by what does not change when they are renamed:
-- an object of OID to {schema, name, needs: [OIDs of types and sequences], columns: {number: [name, type]},
-- labels: {number: {OID: label of its enum}}}. Called by: the library.
CREATE FUNCTION officesync.table_shapes() RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH used AS MATERIALIZED (SELECT * FROM officesync.used_types())
    SELECT coalesce(jsonb_object_agg(t.relation::oid::text, jsonb_build_object(
               'schema', n.nspname, 'name', c.relname,
               'needs', (SELECT coalesce(jsonb_agg(o.id::text), '[]'::jsonb)
                         FROM (SELECT u.type AS id FROM used u WHERE u.relation = t.relation
                               UNION ALL SELECT s.sequence::oid FROM officesync.sequences_of(t.relation) s) o),
               'columns', (SELECT coalesce(jsonb_object_agg(a.attnum, jsonb_build_array(a.attname, format_type(a.atttypid, a.atttypmod))),
                                           '{}'::jsonb)
                           FROM pg_attribute a
                           WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''),
               'labels', (SELECT coalesce(jsonb_object_agg(l.attnum, l.labels), '{}'::jsonb)
                          FROM (SELECT a.attnum, jsonb_object_agg(e.oid, e.enumlabel) AS labels
                                FROM pg_attribute a
                                JOIN pg_type y ON y.oid = a.atttypid
                                JOIN pg_enum e ON e.enumtypid IN (y.oid, y.typelem, y.typbasetype)
                                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped GROUP BY a.attnum) l))), '{}'::jsonb)
    FROM officesync.tracked t
    JOIN pg_class c ON c.oid = t.relation
    JOIN pg_namespace n ON n.oid = c.relnamespace
$$;

-- record_shapes(before, tick, computed): writes into schema_history what became of the tracked tables since
-- table_shapes() gave "before". tick: that of the head which brought it; NULL at the head, where it is known
-- later (settle_history). At a branch the tick is noted as the one this office's schema stands at.
-- computed: columns whose new
-- values an expression gave. Called by: the library. Touches: schema_history, schema_position, load_table.
CREATE FUNCTION officesync.record_shapes(before jsonb, tick bigint, computed text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    gone jsonb;
BEGIN
    WITH now AS (
        SELECT s.key, s.value FROM jsonb_each(officesync.table_shapes()) s
    ), was AS (
        SELECT s.key, s.value FROM jsonb_each(before) s
    ), tables AS (
        SELECT w.key, w.value AS was, n.value AS now,
               w.value ->> 'schema' AS schema, w.value ->> 'name' AS name,
               n.value ->> 'schema' AS new_schema, n.value ->> 'name' AS new_name
        FROM was w LEFT JOIN now n ON n.key = w.key
    )
    INSERT INTO officesync.schema_history (tick, schema_name, table_name, what, new_schema, new_table, "column", new_column, old_type, new_type, old_label, new_label, computed)
    SELECT record_shapes.tick, d.*, d.what = 'type of column' AND d."column" = ANY (record_shapes.computed)
    FROM (
        SELECT t.schema AS schema, t.name AS name, 'rename table' AS what, t.new_schema AS new_schema, t.new_name AS new_name,
               NULL AS "column", NULL AS new_column, NULL AS old_type, NULL AS new_type,
               NULL AS old_label, NULL AS new_label
        FROM tables t WHERE t.now IS NOT NULL AND (t.schema, t.name) <> (t.new_schema, t.new_name)
      UNION ALL
        SELECT t.schema, t.name, 'drop table', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        FROM tables t WHERE t.now IS NULL
      UNION ALL
        SELECT t.new_schema, t.new_name, 'drop column', NULL, NULL, o.value ->> 0, NULL, o.value ->> 1, NULL, NULL, NULL
        FROM tables t CROSS JOIN LATERAL jsonb_each(t.was -> 'columns') o
        WHERE t.now IS NOT NULL AND NOT (t.now -> 'columns') ? o.key
      UNION ALL
        SELECT t.new_schema, t.new_name, 'rename column', NULL, NULL, o.value ->> 0, c.value ->> 0, NULL, NULL, NULL, NULL
        FROM tables t CROSS JOIN LATERAL jsonb_each(t.was -> 'columns') o
        JOIN LATERAL jsonb_each(t.now -> 'columns') c ON c.key = o.key
        WHERE o.value ->> 0 <> c.value ->> 0
      UNION ALL
        SELECT t.new_schema, t.new_name, 'type of column', NULL, NULL, c.value ->> 0, NULL, o.value ->> 1, c.value ->> 1, NULL, NULL
        FROM tables t CROSS JOIN LATERAL jsonb_each(t.was -> 'columns') o
        JOIN LATERAL jsonb_each(t.now -> 'columns') c ON c.key = o.key
        WHERE o.value ->> 1 <> c.value ->> 1
      UNION ALL
        SELECT t.new_schema, t.new_name, 'add column', NULL, NULL, c.value ->> 0, NULL, NULL, c.value ->> 1, NULL, NULL
        FROM tables t CROSS JOIN LATERAL jsonb_each(t.now -> 'columns') c
        WHERE NOT (t.was -> 'columns') ? c.key
      UNION ALL
        SELECT t.new_schema, t.new_name, 'rename label', NULL, NULL, t.now -> 'columns' -> o.key ->> 0, NULL, NULL, NULL, l.value, n.value
        FROM tables t CROSS JOIN LATERAL jsonb_each(t.was -> 'labels') o
        CROSS JOIN LATERAL jsonb_each_text(o.value) l
        JOIN LATERAL jsonb_each_text(t.now -> 'labels' -> o.key) n ON n.key = l.key
        WHERE l.value <> n.value
    ) d;
    -- Loads that are under way know their tables by name.
    UPDATE officesync.load_table l SET schema_name = n.nspname, table_name = c.relname
    FROM jsonb_each(before) w
    JOIN pg_class c ON c.oid = w.key::oid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE (l.schema_name, l.table_name) = (w.value ->> 'schema', w.value ->> 'name')
      AND (l.schema_name, l.table_name) <> (n.nspname, c.relname);
    IF tick IS NULL THEN
        PERFORM officesync.require_branch_labels(), officesync.rename_keys(before);
        -- The value lies with the partitions, where there are any.
        UPDATE officesync.schema_history h
        SET filled = (SELECT (a.attmissingval::text::text[])[1]
                      FROM officesync.members(format('%I.%I', h.schema_name, h.table_name)::regclass) m
                      JOIN pg_attribute a ON a.attrelid = m.member AND a.attname = h."column" AND a.atthasmissing LIMIT 1)
        WHERE h.what = 'add column' AND h.xid = pg_current_xact_id() AND h.filled IS NULL
          AND to_regclass(format('%I.%I', h.schema_name, h.table_name)) IS NOT NULL;
        FOR gone IN SELECT w.value FROM jsonb_each(before) w WHERE to_regclass(format('%I.%I', w.value ->> 'schema', w.value ->> 'name')) IS NULL
                    AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = w.key::oid) LOOP
            RAISE NOTICE 'table %.% is dropped at the branches too', gone ->> 'schema', gone ->> 'name';
        END LOOP;
    ELSE
        INSERT INTO officesync.schema_position AS p (tick) VALUES (record_shapes.tick::text)
        ON CONFLICT (only_row) DO UPDATE SET tick = EXCLUDED.tick;
        PERFORM officesync.has_changed('officesync.outbox_turn');
    END IF;
END
$$;

-- members(relation): the tables in which its rows lie. Called by: record_shapes.
CREATE FUNCTION officesync.members(relation regclass) RETURNS TABLE (member oid)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT members.relation::oid UNION SELECT p.relid::oid FROM pg_partition_tree(members.relation) p WHERE p.isleaf
$$;

-- settle_history(): at the head: notes the ticks that schema changes went out with, as soon as there are any.
-- Called by: the library and prune. Touches: schema_history.
CREATE FUNCTION officesync.settle_history() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE officesync.schema_history h
    SET tick = (SELECT min(t.number) FROM officesync.tick t WHERE pg_visible_in_snapshot(h.xid, t.snapshot))
    WHERE h.tick IS NULL
      AND EXISTS (SELECT FROM officesync.tick t WHERE pg_visible_in_snapshot(h.xid, t.snapshot))
$$;
