-- lock_users(class, object): waits until no one writes to the tracked tables that use a type or lie in a schema, and
-- lets no one until the end of the transaction. PostgreSQL itself locks none of them when those change, but who writes
-- meanwhile has captured rows in their old words. Called by: the library, before it changes one.
CREATE FUNCTION officesync.lock_users(class oid, object oid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    used regclass;
BEGIN
    FOR used IN
        SELECT u.relation FROM officesync.used_types() u
        WHERE u.type = lock_users.object AND lock_users.class = 'pg_type'::regclass
      UNION
        SELECT t.relation FROM officesync.tracked t JOIN pg_class c ON c.oid = t.relation
        WHERE c.relnamespace = lock_users.object AND lock_users.class = 'pg_namespace'::regclass
        ORDER BY 1
    LOOP
        EXECUTE format('LOCK TABLE %s IN SHARE MODE', used);
    END LOOP;
END
$$;
