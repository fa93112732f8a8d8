-- set_ddl_kind(kind, travels): whether schema changes of that kind are sent (at the head) or run (at a
-- branch). Called by: an administrator. Touches: ddl_kind.
CREATE FUNCTION officesync.set_ddl_kind(kind text, travels boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM officesync.require_administrator();
    UPDATE officesync.ddl_kind k SET travels = coalesce(set_ddl_kind.travels, k.travels) WHERE k.kind = set_ddl_kind.kind;
    IF NOT FOUND THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('%L is not a kind of schema change', set_ddl_kind.kind),
            HINT = (SELECT string_agg(k.kind, ', ' ORDER BY k.kind) FROM officesync.ddl_kind k)
                   || '. Functions, rules and tablespaces never travel.';
    END IF;
END
$$;
