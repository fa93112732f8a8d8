-- epoch(at): seconds since 1970, to the microsecond.
CREATE FUNCTION officesync.epoch(at timestamptz) RETURNS numeric
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT round(extract(epoch FROM at)::numeric, 6) $$;

-- leading_relay(): the session that holds the lead of this office (extension/src/pg/lock.rs), and how it
-- calls its link: up, blocked (the broker takes nothing) or down. No row: no relay leads.
CREATE FUNCTION officesync.leading_relay()
RETURNS TABLE (pid integer, link text, link_since bigint, started_at numeric, client_address inet)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT a.pid, substring(a.application_name FROM ' link=(up|blocked|down) '),
           substring(a.application_name FROM ' since=(\d{1,15})$')::bigint,
           officesync.epoch(a.backend_start), a.client_addr
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted AND l.mode = 'ExclusiveLock'
      AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
      AND l.classid = 2 AND l.objid = 0 AND l.objsubid = 4081
    LIMIT 1
$$;

-- status(): this office at a glance, as one document: the relay and its link, the outbox, each peer with
-- its lane, conflicts. Its numbers are those of the views; `officesync-relay status` and /metrics read
-- nothing else. relay.link is what the leading relay's session calls itself (application_name), so it is
-- gone when the session is, and costs no write. Called by: the relay, monitoring. Touches nothing.
CREATE FUNCTION officesync.status() RETURNS json
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
    SELECT json_build_object(
        'office', here.name, 'role', here.role, 'incarnation', here.incarnation, 'number', here.number,
        'extension_version', (SELECT e.extversion FROM pg_extension e WHERE e.extname = 'officesync'),
        'at', officesync.epoch(clock_timestamp()),
        'relay', (SELECT json_build_object(
                      'running', r.pid IS NOT NULL, 'link', coalesce(r.link, 'unknown'),
                      'link_since', r.link_since, 'started_at', r.started_at, 'client_address', r.client_address)
                  FROM (SELECT) one LEFT JOIN officesync.leading_relay() r ON true),
        'lag_ms', (SELECT coalesce(max(o.lag_ms), 0) FROM officesync.offices o),
        'outbox', (SELECT json_build_object(
                       'last_tick', coalesce(o.last_tick, 0), 'sent_tick', coalesce(o.sent_tick, 0),
                       'acknowledged_tick', o.acknowledged_tick, 'unsent_ticks', o.unsent_ticks,
                       'unsent_changes', o.unsent_changes, 'ticks', o.ticks, 'rows', o.rows, 'bytes', o.bytes,
                       'disk_bytes', o.disk_bytes, 'transactions', coalesce(newest.last_sequence, 0))
                   FROM officesync.outbox_status o
                   LEFT JOIN officesync.tick newest ON newest.number = o.last_tick),
        'peers', (SELECT coalesce(json_agg(json_build_object(
                       'office', o.office, 'role', o.role, 'last_seen_at', officesync.epoch(o.last_seen_at),
                       'applied_tick', o.applied_tick, 'acknowledged_tick', o.acknowledged_tick,
                       'lag_ms', o.lag_ms, 'delay_ms', o.delay_ms, 'ticks', o.ticks, 'rows', o.rows, 'bytes', o.bytes,
                       'lane', l.state, 'halted_tick', l.halted_tick, 'sqlstate', l.sqlstate, 'reason', l.reason,
                       'halted_at', officesync.epoch(l.halted_at),
                       'waiting_ticks', l.waiting_ticks, 'waiting_bytes', l.waiting_bytes) ORDER BY o.office), '[]')
                  FROM officesync.offices o JOIN officesync.lanes l ON l.origin = o.office),
        'tracked_tables', (SELECT count(*) FROM officesync.tracked_tables),
        'conflicts', (SELECT json_build_object('recorded', count(*), 'parked', count(*) FILTER (WHERE c.state = 'parked'))
                      FROM officesync.conflicts c),
        'quarantined', (SELECT count(*) FROM officesync.quarantine))
    FROM officesync.this_office() here
$$;
