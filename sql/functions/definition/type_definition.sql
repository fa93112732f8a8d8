-- collation_clause(collation, usual): how a column, field or domain names its collation; empty where that
-- is the usual one of its type. Called by: type_definition, column_definitions.
CREATE FUNCTION officesync.collation_clause(collation oid, usual oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce((SELECT format(' COLLATE %I.%I', n.nspname, c.collname)
                     FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
                     WHERE c.oid = collation_clause.collation AND c.oid <> collation_clause.usual), '')
$$;

-- type_definition(type): the statement that makes an enum, domain, range or composite type.
-- Called by: definitions.
CREATE FUNCTION officesync.type_definition(type oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE t.typtype
        WHEN 'e' THEN (
            SELECT format('CREATE TYPE %s AS ENUM (%s)', named.type,
                          coalesce(string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder), ''))
            FROM pg_enum e WHERE e.enumtypid = t.oid)
        WHEN 'd' THEN (
            SELECT format('CREATE DOMAIN %s AS %s%s%s%s%s', named.type, format_type(t.typbasetype, t.typtypmod),
                          officesync.collation_clause(t.typcollation, b.typcollation),
                          CASE WHEN t.typdefault IS NULL THEN ''
                               -- Without an expression the default is a value's text.
                               ELSE ' DEFAULT ' || coalesce(pg_get_expr(t.typdefaultbin, 0), quote_literal(t.typdefault)) END,
                          CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END,
                          coalesce(string_agg(format(' CONSTRAINT %I %s', c.conname, pg_get_constraintdef(c.oid)), ''
                                              ORDER BY c.conname) FILTER (WHERE c.oid IS NOT NULL), ''))
            FROM pg_type b LEFT JOIN pg_constraint c ON c.contypid = t.oid AND c.contype = 'c' AND c.convalidated
            WHERE b.oid = t.typbasetype GROUP BY b.oid, b.typcollation)
        WHEN 'r' THEN (
            SELECT format('CREATE TYPE %s AS RANGE (SUBTYPE = %s, SUBTYPE_OPCLASS = %I.%I%s%s%s%s)', named.type,
                          format_type(r.rngsubtype, NULL), n.nspname, o.opcname,
                          replace(officesync.collation_clause(r.rngcollation, b.typcollation), ' COLLATE ', ', COLLATION = '),
                          -- The column of the multirange is not there before PostgreSQL 14.
                          ', MULTIRANGE_TYPE_NAME = ' || (to_jsonb(r) ->> 'rngmultitypid')::regtype::text,
                          CASE WHEN r.rngcanonical <> 0 THEN ', CANONICAL = ' || r.rngcanonical::text ELSE '' END,
                          CASE WHEN r.rngsubdiff <> 0 THEN ', SUBTYPE_DIFF = ' || r.rngsubdiff::text ELSE '' END)
            FROM pg_range r
            JOIN pg_type b ON b.oid = r.rngsubtype
            JOIN pg_opclass o ON o.oid = r.rngsubopc
            JOIN pg_namespace n ON n.oid = o.opcnamespace
            WHERE r.rngtypid = t.oid)
        WHEN 'c' THEN (
            SELECT format('CREATE TYPE %s AS (%s)', named.type, coalesce(string_agg(
                       format('%I %s%s', a.attname, format_type(a.atttypid, a.atttypmod),
                              officesync.collation_clause(a.attcollation, y.typcollation)), ', ' ORDER BY a.attnum), ''))
            FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
            WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)
    END
    FROM pg_type t
    JOIN pg_namespace n ON n.oid = t.typnamespace
    CROSS JOIN LATERAL (SELECT format('%I.%I', n.nspname, t.typname) AS type) named
    WHERE t.oid = type_definition.type
$$;

-- collation_definition(collation): the statement that makes a collation. Called by: definitions.
CREATE FUNCTION officesync.collation_definition(collation oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    -- The column of ICU's locale has had several names.
    SELECT format('CREATE COLLATION %I.%I (PROVIDER = %s, %s%s)', n.nspname, c.collname,
                  CASE c.collprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END,
                  CASE WHEN c.collprovider IN ('i', 'b')
                       THEN format('LOCALE = %L', coalesce(j ->> 'colllocale', j ->> 'colliculocale', j ->> 'collcollate'))
                       ELSE format('LC_COLLATE = %L, LC_CTYPE = %L', j ->> 'collcollate', j ->> 'collctype') END,
                  CASE WHEN c.collisdeterministic THEN '' ELSE ', DETERMINISTIC = false' END)
    FROM pg_collation c
    JOIN pg_namespace n ON n.oid = c.collnamespace
    CROSS JOIN LATERAL (SELECT to_jsonb(c) AS j) k
    WHERE c.oid = collation_definition.collation
$$;
