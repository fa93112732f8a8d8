-- check_references(): foreign keys between a tracked table and one that is not. What arrives is
-- applied without looking at foreign keys and without their cascades.
CREATE FUNCTION officesync.check_references() RETURNS TABLE (severity text, object text, problem text, remedy text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH members AS MATERIALIZED (SELECT m.member, m.direction FROM officesync.tracked_members() m),
    keys AS (
        SELECT k.conname, k.conrelid, k.confrelid, k.confdeltype,
               (SELECT m.direction FROM members m WHERE m.member = k.conrelid LIMIT 1) AS referencing,
               (SELECT m.direction FROM members m WHERE m.member = k.confrelid LIMIT 1) AS referenced
        FROM pg_constraint k WHERE k.contype = 'f' AND k.conparentid = 0
    )
    SELECT 'warning', k.conrelid::regclass::text,
           format('its foreign key %I references %s, which is not tracked: at the other offices its rows can point to nothing',
                  k.conname, k.confrelid::regclass),
           format('SELECT officesync.track(%L, %L)', k.confrelid::regclass, k.referencing)
    FROM keys k WHERE k.referencing IS NOT NULL AND k.referenced IS NULL
  UNION ALL
    SELECT 'warning', k.conrelid::regclass::text,
           format('its foreign key %I references %s, which is tracked: a delete that arrives there does not %s',
                  k.conname, k.confrelid::regclass,
                  CASE k.confdeltype WHEN 'c' THEN 'cascade to' WHEN 'n' THEN 'set NULL in' WHEN 'd' THEN 'set the default in'
                                     ELSE 'stop at' END || ' its rows'),
           format('SELECT officesync.track(%L, %L)', k.conrelid::regclass, k.referenced)
    FROM keys k WHERE k.referencing IS NULL AND k.referenced IS NOT NULL
$$;
