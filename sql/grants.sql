-- Nothing is open to everyone but what a table's owner needs; the views are for monitoring.
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA officesync FROM PUBLIC;
GRANT EXECUTE ON FUNCTION officesync.set_office(text, text), officesync.track(regclass, text),
    officesync.untrack(regclass, boolean), officesync.grant_relay(regrole), officesync.grant_monitor(regrole),
    officesync.input(text, anyarray), officesync.retry(text), officesync.skip(text, bigint), officesync.remove_branch(text) TO PUBLIC;
GRANT SELECT ON officesync.tracked_tables, officesync.outbox_status, officesync.offices, officesync.lanes TO pg_monitor;
GRANT EXECUTE ON FUNCTION officesync.check(text), officesync.has_unsent(), officesync.outbox_position() TO pg_monitor;
