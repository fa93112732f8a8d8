-- check_peer_columns(): columns of tables tracked at both of two offices that only one of them has,
-- or that differ in type, labels, NOT NULL or being generated. Generated columns do not travel. A remedy is
-- there to be run, so it repeats a type's text from another office only if a type here is spelled so.
CREATE FUNCTION officesync.check_peer_columns() RETURNS TABLE (severity text, object text, problem text, remedy text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH spellings AS MATERIALIZED (SELECT DISTINCT format_type(t.oid, -1) AS name FROM pg_type t),
    columns AS MATERIALIZED (
        SELECT d.office, d."table", d.sends, d.receives, c.name,
               d.ours -> 'columns' ->> c.name AS ours, d.theirs -> 'columns' ->> c.name AS theirs,
               regexp_replace(d.theirs -> 'columns' ->> c.name, '\([0-9, -]+\)', '') IN (SELECT s.name FROM spellings s) AS known,
               coalesce(d.ours -> 'not_null' ? c.name, false) AS our_not_null,
               coalesce(d.theirs -> 'not_null' ? c.name, false) AS their_not_null,
               coalesce(d.ours -> 'generated' ? c.name, false) AS our_generated,
               coalesce(d.theirs -> 'generated' ? c.name, false) AS their_generated,
               d.ours -> 'enums' -> c.name AS our_labels, d.theirs -> 'enums' -> c.name AS their_labels
        FROM officesync.differing_tables() d
        CROSS JOIN LATERAL (SELECT jsonb_object_keys(d.ours -> 'columns')
                            UNION SELECT jsonb_object_keys(d.theirs -> 'columns')) c (name)
        WHERE d.ours IS NOT NULL AND d.theirs IS NOT NULL
    )
    SELECT CASE WHEN c.sends THEN 'error' ELSE 'warning' END, c."table",
           format('column %I (%s) is here and not at office "%s"%s', c.name, c.ours, c.office,
                  CASE WHEN c.sends THEN ': a change that sets it halts our lane there' END),
           format('ALTER TABLE %s ADD COLUMN %I %s at "%s", or drop it here', c."table", c.name, c.ours, c.office)
    FROM columns c
    WHERE c.theirs IS NULL AND NOT c.our_generated
      AND (c.sends OR (c.our_not_null AND NOT EXISTS (
               SELECT FROM pg_attribute a
               WHERE a.attrelid = to_regclass(c."table") AND a.attname = c.name AND (a.atthasdef OR a.attidentity <> ''))))
  UNION ALL
    SELECT CASE WHEN c.receives THEN 'error' ELSE 'warning' END, c."table",
           format('column %I (%s) is at office "%s" and not here%s', c.name, c.theirs, c.office,
                  CASE WHEN c.receives THEN ': a change that sets it halts that office''s lane' END),
           format('ALTER TABLE %s ADD COLUMN %I %s here, or drop it at "%s"', c."table", c.name,
                  CASE WHEN c.known THEN c.theirs ELSE '...' END, c.office)
    FROM columns c
    WHERE c.ours IS NULL AND NOT c.their_generated AND (c.receives OR c.their_not_null)
  UNION ALL
    SELECT 'error', c."table",
           format('column %I is %s here and %s at office "%s"', c.name, c.ours, c.theirs, c.office),
           CASE WHEN c.known THEN format('ALTER TABLE %s ALTER COLUMN %I TYPE %s here, or TYPE %s at "%s"',
                                         c."table", c.name, c.theirs, c.ours, c.office)
                ELSE format('ALTER TABLE %s ALTER COLUMN %I TYPE %s at "%s"', c."table", c.name, c.ours, c.office) END
    FROM columns c WHERE c.ours <> c.theirs
  UNION ALL
    SELECT 'error', c."table",
           CASE WHEN l.here THEN format('the enum of column %I has %L here and not at office "%s": a row with it halts our lane there',
                                        c.name, l.label, c.office)
                ELSE format('the enum of column %I has %L at office "%s" and not here: a row with it halts that office''s lane',
                            c.name, l.label, c.office) END,
           format('ALTER TYPE %s ADD VALUE %L %s', replace(c.ours, '[]', ''), l.label,
                  CASE WHEN l.here THEN format('at "%s"', c.office) ELSE 'here' END)
    FROM columns c
    CROSS JOIN LATERAL (
        SELECT true, o FROM jsonb_array_elements_text(c.our_labels) o WHERE c.sends AND NOT c.their_labels ? o
        UNION ALL
        SELECT false, o FROM jsonb_array_elements_text(c.their_labels) o WHERE c.receives AND NOT c.our_labels ? o) l (here, label)
    WHERE c.ours = c.theirs AND c.our_labels <> c.their_labels
  UNION ALL
    SELECT CASE WHEN (c.our_generated AND c.receives) OR (c.their_generated AND c.sends) THEN 'error' ELSE 'warning' END, c."table",
           CASE WHEN c.our_generated THEN format('column %I is generated here and not at office "%s"', c.name, c.office)
                ELSE format('column %I is generated at office "%s" and not here', c.name, c.office) END
           || CASE WHEN (c.our_generated AND c.receives) OR (c.their_generated AND c.sends)
                   THEN ': a change that sets it can''t be applied' ELSE ': its values do not arrive' END,
           'make it generated at both, or at none'
    FROM columns c WHERE c.ours IS NOT NULL AND c.theirs IS NOT NULL AND c.our_generated <> c.their_generated
  UNION ALL
    SELECT 'warning', c."table",
           CASE WHEN c.our_not_null
                THEN format('column %I is NOT NULL here and not at office "%s": a row from there could be refused here', c.name, c.office)
                ELSE format('column %I is NOT NULL at office "%s" and not here: a row from here could be refused there',
                            c.name, c.office) END,
           CASE WHEN c.our_not_null THEN format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL at "%s"', c."table", c.name, c.office)
                ELSE format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL here', c."table", c.name) END
    FROM columns c
    WHERE c.ours IS NOT NULL AND c.theirs IS NOT NULL AND NOT c.our_generated AND NOT c.their_generated
      AND ((c.our_not_null AND NOT c.their_not_null AND c.receives) OR (c.their_not_null AND NOT c.our_not_null AND c.sends))
$$;
