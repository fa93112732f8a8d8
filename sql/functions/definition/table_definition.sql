-- sequence_options(sequence): how a sequence counts, as CREATE SEQUENCE says it after the type.
-- Called by: column_definitions, definitions.
CREATE FUNCTION officesync.sequence_options(sequence oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('INCREMENT BY %s MINVALUE %s MAXVALUE %s START WITH %s CACHE %s%s', s.seqincrement, s.seqmin,
                  s.seqmax, s.seqstart, s.seqcache, CASE WHEN s.seqcycle THEN ' CYCLE' ELSE ' NO CYCLE' END)
    FROM pg_sequence s WHERE s.seqrelid = sequence_options.sequence
$$;

-- column_definitions(relation): the columns of a table as CREATE TABLE lists them: types, collations, defaults,
-- generated and identity columns, NOT NULL. Called by: table_definition.
CREATE FUNCTION officesync.column_definitions(relation oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(string_agg(format('%I %s%s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
               officesync.collation_clause(a.attcollation, t.typcollation),
               CASE
                   WHEN a.attgenerated <> '' THEN
                       format(' GENERATED ALWAYS AS (%s) %s', pg_get_expr(d.adbin, d.adrelid),
                              CASE a.attgenerated WHEN 's' THEN 'STORED' ELSE 'VIRTUAL' END)
                   WHEN a.attidentity <> '' THEN
                       format(' GENERATED %s AS IDENTITY (SEQUENCE NAME %s %s)',
                              CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END,
                              i.objid::regclass, officesync.sequence_options(i.objid))
                   WHEN d.oid IS NOT NULL THEN ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid)
                   ELSE ''
               END,
               CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END), ', ' ORDER BY a.attnum), '')
    FROM pg_attribute a
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN pg_depend i ON i.refclassid = 'pg_class'::regclass AND i.refobjid = a.attrelid
         AND i.refobjsubid = a.attnum AND i.classid = 'pg_class'::regclass AND i.deptype = 'i' AND a.attidentity <> ''
    WHERE a.attrelid = column_definitions.relation AND a.attnum > 0 AND NOT a.attisdropped
$$;

-- table_definition(relation): the statement that makes a table with its columns, or one of its partitions.
-- Called by: definitions.
CREATE FUNCTION officesync.table_definition(relation oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('CREATE TABLE %s%s%s%s', c.oid::regclass,
        CASE WHEN c.relispartition
             THEN format(' PARTITION OF %s %s', (SELECT i.inhparent::regclass FROM pg_inherits i WHERE i.inhrelid = c.oid),
                         pg_get_expr(c.relpartbound, c.oid))
             ELSE format(' (%s)', officesync.column_definitions(c.oid)) END,
        CASE WHEN c.relkind = 'p' THEN ' PARTITION BY ' || pg_get_partkeydef(c.oid) ELSE '' END,
        coalesce((SELECT format(' WITH (%s)', string_agg(
                             format('%I = %L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', '))
                  FROM unnest(c.reloptions) o HAVING count(*) > 0), ''))
    FROM pg_class c WHERE c.oid = table_definition.relation
$$;

-- index_definition(index): the statement that makes an index, on a partitioned table with those of its
-- partitions. Called by: definitions.
CREATE FUNCTION officesync.index_definition(index oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    -- pg_get_indexdef() writes ONLY for a partitioned table.
    SELECT CASE WHEN starts_with(d.text, d.head || 'ONLY ')
                THEN d.head || substr(d.text, length(d.head || 'ONLY ') + 1) ELSE d.text END
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid
    CROSS JOIN LATERAL (
        SELECT pg_get_indexdef(i.indexrelid) AS text,
               format('CREATE %sINDEX %I ON ', CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END, c.relname) AS head) d
    WHERE i.indexrelid = index_definition.index
$$;
