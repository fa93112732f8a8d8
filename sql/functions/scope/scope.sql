-- Where a branch gets its own rows of a table only: by its branch column, or by its branch path, which leads by a
-- foreign key to a tracked table that is shared out itself: 'order_id -> public.orders'.

-- scope_arguments(branch_column, branch_path): how the rows of a table are shared out, as the capture trigger is told:
-- the column, or the columns of the foreign key. Called by: track, follow_tracking, track_loaded, load_step.
CREATE FUNCTION officesync.scope_arguments(branch_column name, branch_path text DEFAULT NULL) RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN scope_arguments.branch_column IS NOT NULL THEN ARRAY['column', scope_arguments.branch_column::text]
                WHEN scope_arguments.branch_path IS NOT NULL THEN 'path'::text || officesync.path_columns(scope_arguments.branch_path)
                ELSE '{}' END
$$;

-- path_columns(branch_path): the columns with which it begins. Called by: scope_arguments, require_branch_path.
CREATE FUNCTION officesync.path_columns(branch_path text) RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT array_agg((parse_ident(btrim(c.name)))[1] ORDER BY c.nth)
    FROM unnest(string_to_array(split_part(path_columns.branch_path, '->', 1), ',')) WITH ORDINALITY c (name, nth)
$$;

-- base_type(type): what a domain is made of. Its checks call functions of its owner's, which are not for our rights.
-- Called by: scope_hop, require_branch_column, require_branch_path.
CREATE FUNCTION officesync.base_type(type oid) RETURNS oid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE made (type, of, domain) AS (
        SELECT y.oid, y.typbasetype, y.typtype = 'd' FROM pg_type y WHERE y.oid = base_type.type
      UNION ALL
        SELECT y.oid, y.typbasetype, y.typtype = 'd' FROM made JOIN pg_type y ON y.oid = made.of WHERE made.domain)
    SELECT m.type FROM made m WHERE NOT m.domain
$$;

-- scope_hop(relation): the foreign key by which a branch path leads on, with its columns here and there, their types,
-- and the operators that compare them (there = here). No row: the table has no such path, or its key is gone.
-- Called by: scope_expression, scope_query, scope_dependents, require_scopes.
CREATE FUNCTION officesync.scope_hop(relation regclass)
RETURNS TABLE (parent regclass, columns name[], types text[], parent_columns name[], parent_types text[], operators text[])
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT k.confrelid::regclass, h.columns, h.types, h.parent_columns, h.parent_types, h.operators
    FROM officesync.tracked t
    JOIN pg_constraint k ON k.conrelid = t.relation AND k.contype = 'f' AND k.conparentid = 0
    CROSS JOIN LATERAL (
        SELECT array_agg(a.attname ORDER BY u.nth) AS columns,
               array_agg(format_type(officesync.base_type(a.atttypid), NULL) ORDER BY u.nth) AS types,
               array_agg(p.attname ORDER BY u.nth) AS parent_columns,
               array_agg(format_type(officesync.base_type(p.atttypid), NULL) ORDER BY u.nth) AS parent_types,
               array_agg(format('OPERATOR(%I.%s)', n.nspname, o.oprname) ORDER BY u.nth) AS operators
        FROM unnest(k.conkey, k.confkey, k.conpfeqop) WITH ORDINALITY u (here, there, equals, nth)
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.here
        JOIN pg_attribute p ON p.attrelid = k.confrelid AND p.attnum = u.there
        JOIN pg_operator o ON o.oid = u.equals JOIN pg_namespace n ON n.oid = o.oprnamespace) h
    WHERE t.relation = scope_hop.relation AND officesync.path_text(h.columns, k.confrelid) = t.branch_path
    LIMIT 1
$$;

-- path_text(columns, parent): a branch path as it is kept. Called by: scope_hop, require_branch_path.
CREATE FUNCTION officesync.path_text(columns name[], parent regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT (SELECT string_agg(quote_ident(c), ', ' ORDER BY c) FROM unnest(path_text.columns) c) || ' -> ' || path_text.parent::text $$;

-- scope_expression(relation, alias): an SQL expression that tells the office to which a row belongs; NULL where the
-- rows of the table are for all. Called by: scope_condition, scope_query.
CREATE FUNCTION officesync.scope_expression(relation regclass, alias text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    known officesync.tracked;
    hop   record;
    above text := alias || 'p';
BEGIN
    SELECT t.* INTO known FROM officesync.tracked t WHERE t.relation = scope_expression.relation;
    IF known.branch_column IS NOT NULL THEN
        -- A cast from an enum may be a function of its owner's, and this runs with our rights.
        RETURN (SELECT format(CASE WHEN officesync.base_type(a.atttypid) IN ('text'::regtype, 'varchar'::regtype)
                                   THEN '%s.%I::text' ELSE 'nullif(format(''%%s'', %s.%I), '''')' END, alias, a.attname)
                FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = known.branch_column AND NOT a.attisdropped);
    END IF;
    SELECT * INTO hop FROM officesync.scope_hop(relation);
    IF hop.parent IS NULL THEN
        -- Of a path that leads nowhere nobody gets anything.
        RETURN CASE WHEN known.branch_path IS NOT NULL THEN 'NULL::text' END;
    END IF;
    RETURN format('(SELECT %s FROM %s AS %s WHERE %s)', officesync.scope_expression(hop.parent, above), hop.parent, above,
                  (SELECT string_agg(format('%s.%I %s %s.%I', above, h.there, h.operator, alias, h.here), ' AND ')
                   FROM unnest(hop.columns, hop.parent_columns, hop.operators) h (here, there, operator)));
END
$$;

-- scope_condition(relation, branch): a condition on rows (alias t) that a branch gets; NULL where it gets all of them.
-- Called by: chunk_query, and the library.
CREATE FUNCTION officesync.scope_condition(relation regclass, branch text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE scope_condition.relation
        WHEN 'officesync.conflicts'::regclass THEN format('(t.told_to IS NULL OR t.told_to = %L)', scope_condition.branch)
        ELSE format('%s = %L', officesync.scope_expression(scope_condition.relation, 't'), scope_condition.branch) END
    WHERE scope_condition.relation = 'officesync.conflicts'::regclass
       OR officesync.scope_expression(scope_condition.relation, 't') IS NOT NULL
$$;

-- scope_query(relation): the statement that tells to which office the parent of a row belongs; its parameter is a JSON
-- array of the values of these columns. It gives no row where there is no such parent. Called by: the library.
CREATE FUNCTION officesync.scope_query(relation regclass)
RETURNS TABLE (parent oid, columns text[], parent_columns text[], query text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT hop.parent::oid, hop.columns::text[], hop.parent_columns::text[], format('SELECT %s FROM %s AS p WHERE %s', officesync.scope_expression(hop.parent, 'p'), hop.parent,
                  (SELECT string_agg(format('p.%I %s officesync.input($1::jsonb ->> %s, NULL::%s[])', h.there, h.operator,
                                            h.nth - 1, h.type), ' AND ')
                   FROM unnest(hop.parent_columns, hop.operators, hop.types) WITH ORDINALITY h (there, operator, type, nth)))
    FROM officesync.scope_hop(scope_query.relation) hop
$$;

-- scope_dependents(relation): the tables whose branch path begins with a foreign key to this one: its columns here, and
-- the statement that reads the rows that refer to one, of the columns that travel; its parameter is a JSON array of the
-- values of these columns. Called by: the library.
CREATE FUNCTION officesync.scope_dependents(relation regclass) RETURNS TABLE (dependent oid, columns text[], query text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT t.relation::oid, hop.parent_columns::text[],
           format('SELECT %s FROM %s AS c WHERE %s',
                  (SELECT string_agg('c.' || quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
                   WHERE a.attrelid = t.relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''),
                  t.relation,
                  (SELECT string_agg(format('officesync.input($1::jsonb ->> %s, NULL::%s[]) %s c.%I', h.nth - 1, h.type,
                                            h.operator, h.here), ' AND ')
                   FROM unnest(hop.columns, hop.operators, hop.parent_types) WITH ORDINALITY h (here, operator, type, nth)))
    FROM officesync.tracked t
    CROSS JOIN LATERAL officesync.scope_hop(t.relation) hop
    WHERE t.branch_path IS NOT NULL AND hop.parent = scope_dependents.relation
    ORDER BY t.relation::oid
$$;
