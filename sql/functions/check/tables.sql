-- check_tables(): tracked tables that are gone, have no usable key, or have become of a kind that
-- can't be tracked.
CREATE FUNCTION officesync.check_tables() RETURNS TABLE (severity text, object text, problem text, remedy text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'error', t.relation::text, 'the table is gone', format('DELETE FROM officesync.tracked WHERE relation = %s', t.relation::oid)
    FROM officesync.tracked t WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = t.relation)
  UNION ALL
    SELECT 'error', t.relation::text, 'its rows have no key', 'add a primary key'
    FROM officesync.tracked t JOIN pg_class c ON c.oid = t.relation
    WHERE NOT officesync.has_key(t.relation)
  UNION ALL
    SELECT 'error', t.relation::text,
           CASE WHEN a.attgenerated <> ''
                THEN format('column %I of its key is generated: its value does not travel, so the row is not found', a.attname)
                ELSE format('column %I of its key can be NULL: such a row is not found', a.attname) END,
           CASE WHEN a.attgenerated <> '' THEN 'choose a key of plain columns'
                ELSE format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL', t.relation, a.attname) END
    FROM officesync.tracked t
    JOIN pg_class c ON c.oid = t.relation
    JOIN pg_index i ON i.indrelid = c.oid
         AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident ELSE false END
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
    WHERE a.attgenerated <> '' OR NOT a.attnotnull
  UNION ALL
    SELECT 'warning', m.relation::text,
           'the whole row is its key and it has more than 10000 rows: each change reads the whole table at the other offices',
           'add a primary key, then ALTER TABLE ' || m.relation || ' REPLICA IDENTITY DEFAULT'
    FROM officesync.tracked_members() m
    JOIN pg_class p ON p.oid = m.relation AND p.relreplident = 'f'
    JOIN pg_class c ON c.oid = m.member AND c.relkind = 'r'
    GROUP BY m.relation HAVING sum(greatest(c.reltuples, 0)) > 10000
  UNION ALL
    SELECT 'error', m.member::text,
           CASE c.relkind WHEN 'f' THEN 'it is a foreign table: what is changed where it lives is not captured'
                          ELSE 'it is unlogged: after a crash it is empty, and the other offices'' is not' END,
           CASE c.relkind WHEN 'f' THEN format('ALTER TABLE %s DETACH PARTITION %s', i.inhparent::regclass, m.member)
                          ELSE format('ALTER TABLE %s SET LOGGED', m.member) END
    FROM officesync.tracked_members() m
    JOIN pg_class c ON c.oid = m.member
    LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
    WHERE c.relkind = 'f' OR (c.relkind = 'r' AND c.relpersistence <> 'p')
  UNION ALL
    -- Not partitions: tables of their own, which a statement on the parent reaches all the same.
    SELECT 'error', i.inhrelid::regclass::text,
           format('it inherits from %s, which is tracked, and is not tracked itself: its rows do not travel', i.inhparent::regclass),
           format('SELECT officesync.track(%L, %L)', i.inhrelid::regclass, t.direction)
    FROM officesync.tracked t
    JOIN pg_inherits i ON i.inhparent = t.relation
    JOIN pg_class c ON c.oid = i.inhrelid AND NOT c.relispartition
    WHERE NOT EXISTS (SELECT FROM officesync.tracked o WHERE o.relation = i.inhrelid)
$$;
