-- forget_missing(): tracked tables that are there no more are tracked no longer. Called by: the library.
CREATE FUNCTION officesync.forget_missing() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    DELETE FROM officesync.tracked t WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = t.relation)
$$;

-- guard_schema(): refuses a change of a tracked table's schema in a session that began without the library:
-- this call is what loads it, and of a statement that runs already it can't tell the text.
CREATE FUNCTION officesync.guard_schema() RETURNS event_trigger
LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'officesync_guard_schema';
CREATE EVENT TRIGGER officesync_guard_schema ON ddl_command_start EXECUTE FUNCTION officesync.guard_schema();

-- preload(): lets every session of this database load the library when it begins; it has to see each statement
-- from its beginning. without: takes that back. Called by: the install script, and before DROP EXTENSION.
CREATE FUNCTION officesync.preload(without boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    libraries text[];
BEGIN
    SELECT array_agg(l.name) INTO libraries
    FROM pg_db_role_setting s
    JOIN pg_database d ON d.oid = s.setdatabase AND d.datname = current_database()
    CROSS JOIN LATERAL unnest(s.setconfig) c (setting)
    CROSS JOIN LATERAL (SELECT btrim(btrim(n), '"') AS name
                        FROM unnest(string_to_array(substr(c.setting, length('session_preload_libraries=') + 1), ',')) n) l
    WHERE s.setrole = 0 AND c.setting LIKE 'session\_preload\_libraries=%' AND l.name NOT IN ('', 'officesync');
    IF NOT preload.without THEN
        libraries := libraries || ARRAY['officesync'];
    END IF;
    IF coalesce(cardinality(libraries), 0) = 0 THEN
        EXECUTE format('ALTER DATABASE %I RESET session_preload_libraries', current_database());
    ELSE
        EXECUTE format('ALTER DATABASE %I SET session_preload_libraries = %s', current_database(),
                       (SELECT string_agg(quote_literal(l), ', ') FROM unnest(libraries) l));
    END IF;
END
$$;
SELECT officesync.preload();
