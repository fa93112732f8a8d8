-- Nothing is open to everyone but what a table's owner needs; the views are for monitoring.
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA officesync FROM PUBLIC;
GRANT EXECUTE ON FUNCTION officesync.set_office(text, text), officesync.track(regclass, text, name, text),
    officesync.untrack(regclass, boolean), officesync.grant_relay(regrole), officesync.grant_monitor(regrole),
    officesync.input(text, anyarray), officesync.retry(text), officesync.skip(text, bigint), officesync.remove_branch(text), officesync.readmit_branch(text),
    officesync.set_ddl_kind(text, boolean), officesync.preview_ddl(text, text), officesync.new_id(), officesync.spread_ids(regclass),
    officesync.set_policy(regclass, text, name, boolean, text), officesync.resolve(bigint, jsonb),
    officesync.undo(bigint), officesync.put_row(text, text, jsonb, jsonb),
    officesync.close_conflict(bigint, text, text), officesync.forget_conflicts(interval),
    officesync.pause(text, text), officesync.resume(text, text),
    officesync.verify(text, text, text, interval),
    officesync.resend(regclass, text, text), officesync.require_resendable(regclass, text),
    officesync.resend_row(text, text, text[], text[], text),
    officesync.union_of_arrays(anyarray, anyarray, anyarray),
    officesync.union_of_objects(jsonb, jsonb, jsonb) TO PUBLIC;
GRANT SELECT ON officesync.tracked_tables, officesync.outbox_status, officesync.offices, officesync.lanes, officesync.loads,
    officesync.policy, officesync.ddl_kind TO pg_monitor;
GRANT EXECUTE ON FUNCTION officesync.check(text), officesync.has_unsent(), officesync.outbox_position(),
    officesync.status() TO pg_monitor;
