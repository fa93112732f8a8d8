SELECT string_agg(line, E'\n' ORDER BY line) FROM (
    SELECT format('%s.%s %s %s %s %s %s %s', n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                  a.attgenerated, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)) AS line
    FROM officesync.tracked t JOIN pg_class c ON c.oid = t.relation JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
  UNION ALL
    SELECT format('%s.%s %s %s %s', n.nspname, c.relname, t.direction, c.relreplident, obj_description(c.oid))
    FROM officesync.tracked t JOIN pg_class c ON c.oid = t.relation JOIN pg_namespace n ON n.oid = c.relnamespace
  UNION ALL
    SELECT format('%s %s %s', k.conname, pg_get_constraintdef(k.oid), k.convalidated)
    FROM officesync.tracked t JOIN pg_constraint k ON k.conrelid = t.relation
  UNION ALL
    SELECT regexp_replace(pg_get_indexdef(i.indexrelid), ' ON ', ' on ')
    FROM officesync.tracked t JOIN pg_index i ON i.indrelid = t.relation
  UNION ALL
    SELECT format('%s %s', e.enumtypid::regtype, string_agg(e.enumlabel, ' ' ORDER BY e.enumsortorder)) FROM pg_enum e GROUP BY e.enumtypid
  UNION ALL
    SELECT format('%s partition %s', p.relid::regclass, pg_get_expr(c.relpartbound, c.oid))
    FROM officesync.tracked t CROSS JOIN LATERAL pg_partition_tree(t.relation) p JOIN pg_class c ON c.oid = p.relid) s
