-- is_defined(kind, schema, name, part): whether the object that a statement of definitions() makes is there already.
-- Called by: define.
CREATE FUNCTION officesync.is_defined(kind text, schema text, name text, part text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE is_defined.kind
        WHEN 'schema' THEN EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = is_defined.schema)
        WHEN 'extension' THEN EXISTS (SELECT FROM pg_extension x WHERE x.extname = is_defined.name)
        WHEN 'collation' THEN EXISTS (
            SELECT FROM pg_collation c WHERE c.collname = is_defined.name
            AND c.collnamespace = to_regnamespace(quote_ident(is_defined.schema)))
        WHEN 'type' THEN to_regtype(format('%I.%I', is_defined.schema, is_defined.name)) IS NOT NULL
        WHEN 'constraint' THEN EXISTS (
            SELECT FROM pg_constraint c WHERE c.conname = is_defined.part
            AND c.conrelid = to_regclass(format('%I.%I', is_defined.schema, is_defined.name)))
        WHEN 'alter' THEN false
        ELSE to_regclass(format('%I.%I', is_defined.schema, is_defined.name)) IS NOT NULL
    END
$$;

-- define(kind, schema, name, part, statement): runs one statement of definitions(), unless what it makes is there.
-- Called by: take_load_tables, load_step. Touches: whatever the statement makes.
CREATE FUNCTION officesync.define(kind text, schema text, name text, part text, statement text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT officesync.is_defined(define.kind, define.schema, define.name, define.part) THEN
        PERFORM officesync.run_definition(define.statement);
    END IF;
END
$$;

-- run_definition(statement): runs a single statement of a kind that definitions() writes, with the rights of the
-- database's owner, to whom all it makes belongs. Called by: define.
CREATE FUNCTION officesync.run_definition(statement text) RETURNS void
LANGUAGE c STRICT SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'run_definition_wrapper';
