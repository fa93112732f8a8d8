-- functions_here(): the functions of this database that do not come with PostgreSQL, as "schema.name".
-- Called by: tell_tables, at a branch.
CREATE FUNCTION officesync.functions_here() RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(array_agg(DISTINCT format('%I.%I', n.nspname, p.proname)), '{}')
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'officesync') AND n.nspname NOT LIKE 'pg\_temp\_%'
$$;

-- functions_of(relation): the functions of that kind which defaults, generated columns, constraints and indexes of a
-- table call, and those of the domains of its columns. Called by: check_functions, warn_of_functions.
CREATE FUNCTION officesync.functions_of(relation regclass) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT DISTINCT format('%I.%I', n.nspname, p.proname)
    FROM (
        SELECT 'pg_attrdef'::regclass, a.oid FROM pg_attrdef a WHERE a.adrelid = relation
        UNION ALL SELECT 'pg_constraint'::regclass, c.oid FROM pg_constraint c WHERE c.conrelid = relation
        UNION ALL SELECT 'pg_class'::regclass, i.indexrelid FROM pg_index i WHERE i.indrelid = relation
        UNION ALL SELECT 'pg_constraint'::regclass, c.oid
                  FROM officesync.used_types() u JOIN pg_constraint c ON c.contypid = u.type WHERE u.relation = functions_of.relation
    ) AS o (class, id)
    JOIN pg_depend d ON d.classid = o.class AND d.objid = o.id AND d.refclassid = 'pg_proc'::regclass
    JOIN pg_proc p ON p.oid = d.refobjid
    JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'officesync')
$$;

-- functions_lacking(functions): at the head: which branch, of those that have told theirs, lacks which of them.
-- Called by: preview_ddl, check_functions, warn_of_functions.
CREATE FUNCTION officesync.functions_lacking(functions text[]) RETURNS TABLE (office text, lacks text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT h.office, f.name
    FROM officesync.held_tables h CROSS JOIN unnest(functions_lacking.functions) f (name)
    WHERE h.functions IS NOT NULL AND f.name <> ALL (h.functions)
$$;

-- warn_of_functions(relation): warns the user of the head whose statement made the table call a function that a branch
-- does not have; it is not sent yet. Called by: tell_tracking, the library.
CREATE FUNCTION officesync.warn_of_functions(relation regclass) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    missing record;
BEGIN
    FOR missing IN
        SELECT l.office, string_agg(l.lacks || '()', ', ' ORDER BY l.lacks) AS functions
        FROM officesync.functions_lacking(ARRAY(SELECT officesync.functions_of(warn_of_functions.relation))) l
        GROUP BY l.office ORDER BY l.office
    LOOP
        RAISE WARNING USING
            MESSAGE = format('office "%s" does not have %s, which table %s calls: its lane will halt there',
                             missing.office, missing.functions, warn_of_functions.relation),
            DETAIL = 'A default, a generated column, a constraint or an index calls it; functions do not travel.',
            HINT = 'Create it there first; or roll back, if you still can.';
    END LOOP;
END
$$;
