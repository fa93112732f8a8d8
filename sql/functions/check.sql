-- check(): what would make capture or apply go wrong here, with the remedy; no rows when all is
-- well. Called by: anyone who watches; the relay reports it. Touches nothing.
CREATE FUNCTION officesync.check() RETURNS TABLE (severity text, object text, problem text, remedy text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
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
    SELECT 'error', t.relation::text, 'the table is gone', format('DELETE FROM officesync.tracked WHERE relation = %s', t.relation::oid)
    FROM officesync.tracked t WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = t.relation)
  UNION ALL
    SELECT 'error', t.relation::text, 'its rows have no key', 'add a primary key'
    FROM officesync.tracked t JOIN pg_class c ON c.oid = t.relation
    WHERE NOT officesync.has_key(t.relation)
  UNION ALL
    SELECT 'error', m.member::text,
           CASE WHEN g.tgenabled IS NULL THEN format('the trigger %s is missing: changes are not captured', w.name)
                WHEN g.tgenabled = 'D' THEN format('the trigger %s is disabled: changes are not captured', w.name)
                ELSE format('the trigger %s is not ENABLE ALWAYS: session_replication_role can silence it', w.name) END,
           format('SELECT officesync.track(%L, %L)', t.relation, t.direction)
    FROM officesync.tracked t
    JOIN pg_class c ON c.oid = t.relation
    CROSS JOIN LATERAL (SELECT t.relation AS member UNION SELECT p.relid FROM pg_partition_tree(t.relation) p) m
    CROSS JOIN (VALUES ('00_officesync_capture'), ('00_officesync_truncate')) w (name)
    LEFT JOIN pg_trigger g ON g.tgrelid = m.member AND g.tgname = w.name
         AND g.tgfoid = 'officesync.capture()'::regprocedure
    WHERE g.tgenabled IS DISTINCT FROM 'A'
  UNION ALL
    SELECT 'error', 'office ' || h.origin,
           format('its lane is halted at tick %s since %s: %s', h.tick, h.halted_at::timestamptz(0), h.reason),
           format('put the cause right, then SELECT officesync.retry(%L)', h.origin)
    FROM officesync.halted h
$$;
