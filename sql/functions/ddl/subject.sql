-- used_types(): the types that columns of tracked tables have, and those these are made of.
CREATE FUNCTION officesync.used_types() RETURNS TABLE (relation regclass, type oid)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE used AS (
        SELECT t.relation, a.atttypid AS type
        FROM officesync.tracked t
        JOIN pg_attribute a ON a.attrelid = t.relation AND a.attnum > 0 AND NOT a.attisdropped
        WHERE a.atttypid >= 16384
      UNION
        SELECT u.relation, p.part
        FROM used u
        JOIN pg_type y ON y.oid = u.type
        CROSS JOIN LATERAL (
            SELECT y.typelem UNION ALL SELECT y.typbasetype
            UNION ALL SELECT r.rngsubtype FROM pg_range r WHERE y.oid IN (r.rngtypid, r.rngmultitypid)
            UNION ALL SELECT a.atttypid FROM pg_attribute a
                      WHERE a.attrelid = y.typrelid AND y.typrelid <> 0 AND a.attnum > 0 AND NOT a.attisdropped) p (part)
        WHERE p.part >= 16384
    )
    SELECT u.relation, u.type FROM used u
$$;

-- ddl_subject(class, object): the tracked table that an object of the catalogue belongs to: it is that table,
-- a partition, an index or a constraint of it, a sequence or a type that it uses, or the schema it lies in.
-- NULL where it belongs to none. owner: whose rights changing it takes. partitioned: whether it is a
-- partitioned table. No row where there is no such object. Called by: the library.
CREATE FUNCTION officesync.ddl_subject(class oid, object oid)
RETURNS TABLE (tracked regclass, owner oid, partitioned boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    about   pg_class;
    on_type oid;
BEGIN
    IF class = 'pg_namespace'::regclass THEN
        RETURN QUERY
            SELECT (SELECT t.relation FROM officesync.tracked t JOIN pg_class c ON c.oid = t.relation
                    WHERE c.relnamespace = n.oid ORDER BY t.relation LIMIT 1), n.nspowner, false
            FROM pg_namespace n WHERE n.oid = object;
        RETURN;
    ELSIF class = 'pg_constraint'::regclass THEN
        SELECT coalesce(nullif(k.conrelid, 0), 0), nullif(k.contypid, 0) INTO object, on_type
        FROM pg_constraint k WHERE k.oid = object;
    ELSIF class = 'pg_trigger'::regclass THEN
        SELECT g.tgrelid INTO object FROM pg_trigger g WHERE g.oid = object;
    ELSIF class = 'pg_policy'::regclass THEN
        SELECT p.polrelid INTO object FROM pg_policy p WHERE p.oid = object;
    ELSIF class = 'pg_type'::regclass THEN
        on_type := object;
    ELSIF class <> 'pg_class'::regclass THEN
        RETURN;
    END IF;
    SELECT c.* INTO about FROM pg_class c WHERE c.oid = object AND on_type IS NULL;
    IF about.relkind = 'c' THEN
        on_type := about.reltype;
    END IF;
    IF on_type IS NOT NULL THEN
        RETURN QUERY
            SELECT (SELECT u.relation FROM officesync.used_types() u WHERE u.type = y.oid ORDER BY u.relation LIMIT 1),
                   y.typowner, false
            FROM pg_type y WHERE y.oid = on_type;
    ELSIF about.relkind IN ('i', 'I') THEN
        RETURN QUERY SELECT s.tracked, s.owner, s.partitioned
                     FROM pg_index i CROSS JOIN LATERAL officesync.ddl_subject('pg_class'::regclass, i.indrelid) s
                     WHERE i.indexrelid = about.oid;
    ELSIF about.relkind = 'S' THEN
        RETURN QUERY
            SELECT (SELECT t.relation FROM officesync.tracked t
                    CROSS JOIN LATERAL officesync.sequences_of(t.relation) q
                    WHERE q.sequence = about.oid ORDER BY t.relation LIMIT 1), about.relowner, false;
    ELSIF about.relkind IN ('r', 'p') THEN
        RETURN QUERY
            SELECT (SELECT t.relation FROM officesync.tracked t
                    WHERE t.relation = about.oid
                       OR about.relispartition AND t.relation IN (SELECT a.relid FROM pg_partition_ancestors(about.oid) a)
                    ORDER BY t.relation <> about.oid LIMIT 1), about.relowner, about.relkind = 'p';
    END IF;
END
$$;
