-- types_needed(relations): the types of users that the columns of those tables are made of, what others are
-- made of before these: depth is the greater, the earlier a type has to be there. Types that an extension
-- brings are not among them. Called by: definitions.
CREATE FUNCTION officesync.types_needed(relations oid[]) RETURNS TABLE (type oid, depth integer)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE part (type, depth) AS (
        SELECT a.atttypid, 1 FROM pg_attribute a
        WHERE a.attrelid = ANY (relations) AND a.attnum > 0 AND NOT a.attisdropped
      UNION
        SELECT m.type, p.depth + 1
        FROM part p
        JOIN pg_type t ON t.oid = p.type
        CROSS JOIN LATERAL (
            SELECT t.typbasetype
            UNION ALL SELECT t.typelem
            UNION ALL SELECT r.rngsubtype FROM pg_range r WHERE r.rngtypid = t.oid
            UNION ALL SELECT a.atttypid FROM pg_attribute a
                      WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
            -- The range of a multirange.
            UNION ALL SELECT d.refobjid FROM pg_depend d
                      WHERE t.typtype = 'm' AND d.classid = 'pg_type'::regclass AND d.objid = t.oid
                        AND d.refclassid = 'pg_type'::regclass AND d.deptype = 'i'
        ) m (type)
        WHERE m.type <> 0 AND t.typnamespace <> 'pg_catalog'::regnamespace
    )
    SELECT p.type, max(p.depth)
    FROM part p
    JOIN pg_type t ON t.oid = p.type
    LEFT JOIN pg_class c ON c.oid = t.typrelid
    WHERE t.typnamespace <> 'pg_catalog'::regnamespace
      AND (t.typtype IN ('e', 'd', 'r') OR t.typtype = 'c' AND c.relkind = 'c')
      AND NOT EXISTS (SELECT FROM pg_depend d
                      WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
    GROUP BY p.type
$$;
