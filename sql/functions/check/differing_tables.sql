-- differing_tables(): the tables that are not tracked alike here and at a peer that has told us its
-- own. sends, receives: whether this office writes the table for the other to apply, and the reverse,
-- going by whichever side tracks it. Called by: check_peer_tables, check_peer_columns.
CREATE FUNCTION officesync.differing_tables()
RETURNS TABLE (office text, "table" text, ours jsonb, theirs jsonb, sends boolean, receives boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH here AS (
        SELECT o.role, d.value -> 'table' ->> 0 AS schema, d.value -> 'table' ->> 1 AS name, d.value AS definition
        FROM officesync.office o, jsonb_array_elements(officesync.table_definitions()) d
    ), differing AS (
        SELECT h.office, e.schema, e.name, e.definition AS ours, NULL::jsonb AS theirs
        FROM officesync.held_tables h CROSS JOIN here e
        -- A branch that is being loaded has none yet.
        WHERE NOT EXISTS (SELECT FROM officesync.load l WHERE l.office = h.office AND l.state = 'asked')
          AND NOT EXISTS (SELECT FROM officesync.peer_tables p
                          WHERE p.office = h.office AND p.schema = e.schema AND p.name = e.name)
      UNION ALL
        SELECT p.office, p.schema, p.name, e.definition, p.definition
        FROM officesync.peer_tables p
        LEFT JOIN here e ON e.schema = p.schema AND e.name = p.name
        WHERE e.definition IS DISTINCT FROM p.definition
          AND NOT EXISTS (SELECT FROM officesync.load l JOIN officesync.office o ON o.name = l.office WHERE l.state = 'asked')
    )
    SELECT d.office, format('%I.%I', d.schema, d.name), d.ours, d.theirs,
           f.direction IN ('both', CASE o.role WHEN 'head' THEN 'down' ELSE 'up' END),
           f.direction IN ('both', CASE o.role WHEN 'head' THEN 'up' ELSE 'down' END)
    FROM differing d
    CROSS JOIN officesync.office o
    CROSS JOIN LATERAL (SELECT coalesce(d.ours, d.theirs) ->> 'direction' AS direction) f
$$;
