-- check_office(): the office itself: its identity, its numbers, its server, its lanes.
CREATE FUNCTION officesync.check_office() RETURNS TABLE (severity text, object text, problem text, remedy text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'error', 'officesync.office', 'this database is no office yet',
           'SELECT officesync.set_office(''name'', ''head'' or ''branch'')'
    WHERE NOT EXISTS (SELECT FROM officesync.office)
  UNION ALL
    SELECT 'error', 'officesync.outbox_sequence',
           format('its cache is %s: a later change could take a smaller number', s.seqcache),
           'ALTER SEQUENCE officesync.outbox_sequence CACHE 1'
    FROM pg_sequence s WHERE s.seqrelid = 'officesync.outbox_sequence'::regclass AND s.seqcache <> 1
  UNION ALL
    SELECT 'error', 'fsync', 'it is off: a crash can lose or corrupt what was committed', 'ALTER SYSTEM SET fsync = on'
    WHERE current_setting('fsync') = 'off'
  UNION ALL
    SELECT 'error', 'office ' || h.origin,
           format('its lane is halted at tick %s since %s: %s', h.tick, h.halted_at::timestamptz(0), h.reason),
           format('put the cause right, then SELECT officesync.retry(%L)', h.origin)
    FROM officesync.halted h WHERE h.sqlstate <> '00000'
  UNION ALL
    SELECT 'warning', 'office ' || h.origin, format('its lane is %s since %s', h.reason, h.halted_at::timestamptz(0)),
           format('SELECT officesync.resume(%L, ''receive'')', h.origin)
    FROM officesync.halted h WHERE h.sqlstate = '00000'
  UNION ALL
    SELECT 'warning', 'officesync.paused', format('%s is paused by %s', p.direction, p.paused_by),
           format('SELECT officesync.resume(direction => %L)', p.direction)
    FROM officesync.paused p WHERE p.office = ''
  UNION ALL
    SELECT 'warning', 'office ' || p.office,
           format('sending to it is paused by %s since %s', p.paused_by, p.paused_at::timestamptz(0)),
           format('SELECT officesync.resume(%L, ''send'')', p.office)
    FROM officesync.paused p WHERE p.office <> ''
  UNION ALL
    SELECT 'warning', 'office ' || p.name,
           format('its clock is %s ahead of this one; its changes count as made now when a conflict is decided',
                  p.clock_ahead_ms * interval '1 millisecond'),
           'set the clock right, there or here'
    FROM officesync.peer p
    WHERE p.clock_ahead_ms > extract(epoch FROM coalesce(nullif(current_setting('officesync.max_clock_ahead', true), ''),
                                                         '1min')::interval) * 1000
  UNION ALL
    SELECT 'warning', 'office ' || p.name,
           format('it has not been seen since %s; %s is kept for it', p.last_seen_at::timestamptz(0),
                  pg_size_pretty(officesync.backlog(p.acknowledged_tick))),
           format('see to its link and its relay; if it is gone for good: SELECT officesync.remove_branch(%L)', p.name)
    FROM officesync.peer p
    WHERE p.role = 'branch' AND p.left_behind_at IS NULL AND p.last_seen_at < clock_timestamp() - officesync.silent_after()
  UNION ALL
    SELECT 'warning', 'office ' || p.name,
           format('it has not been seen since %s, and nothing is kept for it since %s: when it is back it will be compared and put right',
                  p.last_seen_at::timestamptz(0), p.left_behind_at::timestamptz(0)),
           format('see to its link and its relay; if it is gone for good: SELECT officesync.remove_branch(%L)', p.name)
    FROM officesync.peer p
    WHERE p.left_behind_at IS NOT NULL
  UNION ALL
    SELECT 'warning', 'office ' || p.name, format('%s rows differed when it was compared at %s', p.differences, p.verified_at::timestamptz(0)),
           format('officesync-relay verify --office %s --repair', p.name)
    FROM officesync.peer p
    WHERE p.differences > (SELECT count(d.repaired_at) FROM officesync.difference d
                           WHERE d.verification = (SELECT max(v.id) FROM officesync.verification v
                                                   WHERE v.office = p.name AND v.whole AND v.finished_at IS NOT NULL))
  UNION ALL
    SELECT 'warning', 'officesync.conflicts', format('%s conflicts wait for a person', count(*)),
           'SELECT * FROM officesync.conflicts WHERE state = ''parked''; then officesync.resolve(id, row) at the head'
    FROM officesync.conflicts c WHERE c.state = 'parked' HAVING count(*) > 0
$$;
