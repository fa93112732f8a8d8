-- needed_definitions(relation, before): the statements that make what the table needs now and did not when
-- table_shapes() gave "before": the schema it lies in, types and sequences. Each has no effect where there is
-- such a thing already. Called by: the library.
CREATE FUNCTION officesync.needed_definitions(relation regclass, before jsonb) RETURNS TABLE (statement text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('CREATE SCHEMA %I', n.nspname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = relation AND NOT EXISTS (SELECT FROM jsonb_each(before) b WHERE b.value ->> 'schema' = n.nspname)
      -- Where the former one is no more, this is the same with another name.
      AND EXISTS (SELECT FROM pg_namespace o WHERE o.nspname = before -> relation::oid::text ->> 'schema')
  UNION ALL
    -- Those that others are made of were made first, and so have the smaller number.
    (SELECT officesync.type_definition(u.type)
     FROM officesync.used_types() u
     JOIN pg_type y ON y.oid = u.type
     WHERE u.relation = needed_definitions.relation
       AND (y.typtype IN ('e', 'd', 'r') OR y.typtype = 'c' AND (SELECT c.relkind = 'c' FROM pg_class c WHERE c.oid = y.typrelid))
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = y.oid AND d.deptype = 'e')
       AND NOT coalesce(before -> u.relation::oid::text -> 'needs' ? u.type::text, false)
     ORDER BY u.type)
  UNION ALL
    SELECT format('CREATE SEQUENCE %s', s.sequence)
    FROM officesync.sequences_of(relation) s
    WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = s.sequence
                        AND d.refobjid = relation AND d.deptype IN ('a', 'i'))
      AND NOT coalesce(before -> relation::oid::text -> 'needs' ? s.sequence::oid::text, false)
$$;

-- dropped_since(before): what a statement took away that names something else, as statements of their own.
-- Called by: the library.
CREATE FUNCTION officesync.dropped_since(before jsonb) RETURNS TABLE (statement text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('DROP TABLE %I.%I CASCADE', b.value ->> 'schema', b.value ->> 'name')
    FROM jsonb_each(before) b WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = b.key::oid)
  UNION ALL
    SELECT format('ALTER TABLE %I.%I DROP COLUMN %I CASCADE', b.value ->> 'schema', b.value ->> 'name', o.value ->> 0)
    FROM jsonb_each(before) b
    CROSS JOIN LATERAL jsonb_each(b.value -> 'columns') o
    JOIN pg_attribute a ON a.attrelid = b.key::oid AND a.attnum = o.key::integer AND a.attisdropped
$$;
