-- definitions(relations): the statements that make those tables in another database, with what they need, in the
-- order in which they have to run. phase: 'before rows' (what rows can be written to by key: schemas, extensions,
-- collations, types, sequences, tables with their partitions, the key) or 'after rows' (other indexes, constraints,
-- foreign keys among those tables and the tracked ones). kind, schema, name and part (of the object of that name)
-- tell whether the object is there already; an alter needs no look. All names are qualified.
-- Not told: functions, triggers, privileges, comments, tablespaces.
-- Called by: load_begin, and whoever wants to see it. Touches nothing.
CREATE FUNCTION officesync.definitions(relations regclass[])
RETURNS TABLE (phase text, kind text, schema name, name name, part name, statement text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- Values in defaults and the bounds of partitions are written so that any session reads them alike.
SET DateStyle = 'ISO, MDY' SET IntervalStyle = postgres SET TimeZone = 'UTC' SET extra_float_digits = 3
SET lc_monetary = 'C' SET bytea_output = hex
AS $$
    WITH member AS MATERIALIZED (
        SELECT m.relation, m.level, c.relname, n.nspname, c.relkind, c.relispartition, c.relreplident,
               -- The index that a row is known by.
               CASE WHEN m.level > 0 OR c.relreplident = 'f' THEN 0 ELSE coalesce(
                   (SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident AND c.relreplident = 'i'),
                   (SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary), 0) END AS key
        FROM officesync.members_of(relations::oid[]) m
        JOIN pg_class c ON c.oid = m.relation
        JOIN pg_namespace n ON n.oid = c.relnamespace
    ), members AS MATERIALIZED (
        SELECT array_agg(m.relation) AS all FROM member m
    ), needed AS MATERIALIZED (
        SELECT n.class, n.object FROM members CROSS JOIN LATERAL officesync.needed_by(members.all) n
    ), type AS MATERIALIZED (
        SELECT t.type AS oid, t.depth, y.typname, s.nspname
        FROM members CROSS JOIN LATERAL officesync.types_needed(members.all) t
        JOIN pg_type y ON y.oid = t.type JOIN pg_namespace s ON s.oid = y.typnamespace
    ), extension AS MATERIALIZED (
        SELECT DISTINCT x.oid, x.extname, s.nspname
        FROM needed n
        JOIN pg_depend d ON d.classid = n.class AND d.objid = n.object AND d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
        JOIN pg_extension x ON x.oid = d.refobjid
        JOIN pg_namespace s ON s.oid = x.extnamespace
        WHERE x.extname NOT IN ('officesync', 'plpgsql')
    ), own_collation AS MATERIALIZED (
        SELECT c.oid, c.collname, s.nspname
        FROM needed n
        JOIN pg_collation c ON n.class = 'pg_collation'::regclass AND c.oid = n.object
        JOIN pg_namespace s ON s.oid = c.collnamespace
        WHERE s.nspname <> 'pg_catalog'
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = n.class AND d.objid = c.oid AND d.deptype = 'e')
    ), sequence AS MATERIALIZED (
        -- Those of identity columns are made with them.
        SELECT s.seqrelid AS oid, s.seqtypid, c.relname, p.nspname, o.refobjid AS owner, o.refobjsubid AS owning
        FROM needed n
        JOIN pg_sequence s ON n.class = 'pg_class'::regclass AND s.seqrelid = n.object
        JOIN pg_class c ON c.oid = s.seqrelid
        JOIN pg_namespace p ON p.oid = c.relnamespace
        LEFT JOIN pg_depend o ON o.classid = 'pg_class'::regclass AND o.objid = s.seqrelid AND o.deptype = 'a'
             AND o.refclassid = 'pg_class'::regclass AND o.refobjid IN (SELECT m.relation FROM member m)
        WHERE p.nspname <> 'officesync'
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = s.seqrelid
                          AND d.deptype IN ('i', 'e'))
    ), index AS MATERIALIZED (
        SELECT i.indexrelid AS oid, m.relation, m.nspname, m.relname, c.relname AS index, m.key = i.indexrelid AS is_key,
               k.oid AS constraint, k.conname
        FROM member m
        JOIN pg_index i ON i.indrelid = m.relation AND i.indisvalid AND i.indisready
        JOIN pg_class c ON c.oid = i.indexrelid
        LEFT JOIN pg_constraint k ON k.conrelid = m.relation AND k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
        -- Those of partitions come with the ones they belong to.
        WHERE NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = i.indexrelid)
    ), step (phase, place, nth, kind, schema, name, part, statement) AS (
        SELECT 'before rows', 1, 0, 'schema', s.name, ''::name, ''::name, format('CREATE SCHEMA %I', s.name)
        FROM (SELECT m.nspname FROM member m UNION SELECT t.nspname FROM type t UNION SELECT x.nspname FROM extension x
              UNION SELECT c.nspname FROM own_collation c UNION SELECT q.nspname FROM sequence q) s (name)
        WHERE s.name <> 'pg_catalog'
      UNION ALL
        SELECT 'before rows', 2, 0, 'extension', ''::name, x.extname, ''::name, format('CREATE EXTENSION %I SCHEMA %I', x.extname, x.nspname)
        FROM extension x
      UNION ALL
        SELECT 'before rows', 3, 0, 'collation', c.nspname, c.collname, ''::name, officesync.collation_definition(c.oid) FROM own_collation c
      UNION ALL
        SELECT 'before rows', 4, -t.depth, 'type', t.nspname, t.typname, ''::name, officesync.type_definition(t.oid) FROM type t
      UNION ALL
        SELECT 'before rows', 5, 0, 'sequence', q.nspname, q.relname, ''::name,
               format('CREATE SEQUENCE %s AS %s %s', q.oid::regclass, format_type(q.seqtypid, NULL), officesync.sequence_options(q.oid))
        FROM sequence q
      UNION ALL
        SELECT 'before rows', 6, m.level, 'table', m.nspname, m.relname, ''::name, officesync.table_definition(m.relation) FROM member m
      UNION ALL
        SELECT 'before rows', 7, 0, 'alter', q.nspname, q.relname, ''::name,
               format('ALTER SEQUENCE %s OWNED BY %s.%I', q.oid::regclass, q.owner::regclass, a.attname)
        FROM sequence q JOIN pg_attribute a ON a.attrelid = q.owner AND a.attnum = q.owning
      UNION ALL
        SELECT 'before rows', 8, 0, 'alter', m.nspname, m.relname, ''::name,
               format('ALTER TABLE %s ALTER COLUMN %I SET STORAGE %s', m.relation::regclass, a.attname,
                      CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END)
        FROM member m
        JOIN pg_attribute a ON a.attrelid = m.relation AND a.attnum > 0 AND NOT a.attisdropped
        JOIN pg_type t ON t.oid = a.atttypid
        WHERE a.attstorage <> t.typstorage
      UNION ALL
        SELECT CASE WHEN i.is_key THEN 'before rows' ELSE 'after rows' END, CASE WHEN i.is_key THEN 9 ELSE 11 END, 0, 'index',
               i.nspname, i.index, ''::name, officesync.index_definition(i.oid)
        FROM index i WHERE i.constraint IS NULL
      UNION ALL
        SELECT CASE WHEN i.is_key THEN 'before rows' ELSE 'after rows' END, CASE WHEN i.is_key THEN 9 ELSE 12 END, 0, 'constraint',
               i.nspname, i.relname, i.conname,
               format('ALTER TABLE %s ADD CONSTRAINT %I %s', i.relation::regclass, i.conname, pg_get_constraintdef(i.constraint))
        FROM index i WHERE i.constraint IS NOT NULL
      UNION ALL
        SELECT 'before rows', 10, 0, 'alter', m.nspname, m.relname, ''::name,
               format('ALTER TABLE %s REPLICA IDENTITY %s', m.relation::regclass,
                      CASE WHEN m.relreplident = 'f' THEN 'FULL' ELSE 'USING INDEX ' || quote_ident(c.relname) END)
        FROM member m LEFT JOIN pg_class c ON c.oid = m.key
        WHERE m.level = 0 AND (m.relreplident = 'f' OR m.relreplident = 'i' AND m.key <> 0)
      UNION ALL
        SELECT 'after rows', CASE k.contype WHEN 'f' THEN 14 ELSE 13 END, 0, 'constraint', m.nspname, m.relname, k.conname,
               format('ALTER TABLE %s ADD CONSTRAINT %I %s', m.relation::regclass, k.conname, pg_get_constraintdef(k.oid))
        FROM member m
        JOIN pg_constraint k ON k.conrelid = m.relation AND k.contype IN ('c', 'f') AND k.coninhcount = 0 AND k.conparentid = 0
        WHERE k.contype = 'c' OR k.confrelid IN (SELECT r.relation FROM member r)
           OR EXISTS (SELECT FROM officesync.tracked t WHERE t.relation = k.confrelid)
    )
    SELECT s.phase, s.kind, s.schema, s.name, s.part, s.statement
    FROM step s ORDER BY s.place, s.nth, s.schema, s.name, s.part, s.statement
$$;
