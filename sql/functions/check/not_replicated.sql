-- check_not_replicated(): what this database holds that does not travel; nothing is wrong with it.
CREATE FUNCTION officesync.check_not_replicated() RETURNS TABLE (severity text, object text, problem text, remedy text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH untracked AS (
        SELECT c.oid::regclass::text AS name, c.relpersistence = 'u' AS unlogged
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
          AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'officesync')
          AND NOT EXISTS (SELECT FROM officesync.tracked t WHERE t.relation = c.oid)
          AND NOT EXISTS (SELECT FROM pg_depend d
                          WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    ), lists AS (
        SELECT u.unlogged, count(*) AS number,
               array_to_string((array_agg(u.name ORDER BY u.name))[1:5], ', ') || CASE WHEN count(*) > 5 THEN ', ...' ELSE '' END AS names
        FROM untracked u GROUP BY u.unlogged
    )
    SELECT 'info', 'tables',
           format(CASE WHEN l.unlogged THEN 'unlogged tables can''t be tracked: %s (%s)' ELSE 'not tracked: %s (%s)' END,
                  l.number, l.names),
           CASE WHEN l.unlogged THEN 'where they should travel: ALTER TABLE ... SET LOGGED, then SELECT officesync.track(...)'
                ELSE 'where they should travel: SELECT officesync.track(...)' END
    FROM lists l
  UNION ALL
    SELECT 'info', s.sequence::text, format('its value does not travel; column %I of %s takes numbers from it', s."column", s.relation),
           'before another office takes over its part, set it there with setval()'
    FROM officesync.tracked_sequences() s
    WHERE NOT (s.direction IN ('both', 'up') AND s.in_key AND s.plain)
  UNION ALL
    SELECT 'info', 'large objects', 'this database holds large objects, which do not travel', 'keep such content in a bytea column'
    WHERE EXISTS (SELECT FROM pg_largeobject_metadata)
$$;
