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
    FROM officesync.halted h
$$;
