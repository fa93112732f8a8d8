-- require_administrator(): raises an error unless the caller is a superuser or owns this database.
-- Called by: set_office, grant_relay, grant_monitor and the operator's functions.
CREATE FUNCTION officesync.require_administrator() RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    caller oid := officesync.calling_role();
BEGIN
    IF NOT (SELECT r.rolsuper OR pg_has_role(caller, d.datdba, 'USAGE')
            FROM pg_roles r, pg_database d
            WHERE r.oid = caller AND d.datname = current_database()) THEN
        RAISE insufficient_privilege USING
            MESSAGE = 'this needs a superuser or the owner of the database',
            DETAIL = format('You are %I.', caller::regrole::text);
    END IF;
END
$$;
