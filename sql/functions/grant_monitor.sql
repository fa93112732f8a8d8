-- grant_monitor(role): lets a role read the views and run check() and status(). pg_monitor has this from the
-- start. Called by: an administrator.
CREATE FUNCTION officesync.grant_monitor(role regrole) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM officesync.require_administrator();
    EXECUTE format('GRANT SELECT ON officesync.tracked_tables, officesync.outbox_status,
                    officesync.offices, officesync.lanes TO %s', role);
    EXECUTE format('GRANT EXECUTE ON FUNCTION officesync.check(text), officesync.has_unsent(),
                    officesync.outbox_position(), officesync.status() TO %s', role);
END
$$;
