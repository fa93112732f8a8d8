-- needed_by(relations): the objects that those tables, with their defaults, constraints and indexes, and their types
-- depend on. Called by: definitions.
CREATE FUNCTION officesync.needed_by(members oid[]) RETURNS TABLE (class oid, object oid)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH own (class, object) AS (
        SELECT 'pg_class'::regclass, m FROM unnest(members) m
        UNION SELECT 'pg_class'::regclass, i.indexrelid FROM pg_index i WHERE i.indrelid = ANY (members)
        UNION SELECT 'pg_attrdef'::regclass, d.oid FROM pg_attrdef d WHERE d.adrelid = ANY (members)
        UNION SELECT 'pg_constraint'::regclass, c.oid FROM pg_constraint c WHERE c.conrelid = ANY (members) AND c.contype <> 'f'
        UNION SELECT 'pg_type'::regclass, t.type FROM officesync.types_needed(members) t
        UNION SELECT 'pg_class'::regclass, y.typrelid FROM officesync.types_needed(members) t
              JOIN pg_type y ON y.oid = t.type WHERE y.typrelid <> 0
        UNION SELECT 'pg_constraint'::regclass, c.oid FROM officesync.types_needed(members) t
              JOIN pg_constraint c ON c.contypid = t.type
    )
    SELECT DISTINCT n.class, n.object
    FROM own o
    JOIN pg_depend d ON d.classid = o.class AND d.objid = o.object
    -- An array is brought by what brings its elements.
    LEFT JOIN pg_type a ON d.refclassid = 'pg_type'::regclass AND a.oid = d.refobjid AND a.typelem <> 0
    CROSS JOIN LATERAL (VALUES (d.refclassid, d.refobjid), ('pg_type'::regclass::oid, coalesce(a.typelem, 0))) n (class, object)
    WHERE n.object <> 0
$$;
