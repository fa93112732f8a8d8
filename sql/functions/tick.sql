-- batch(since, until): the outbox rows that the later snapshot sees and the earlier one does not. Inlined
-- where it is called. Called by: tick, drain. Touches nothing.
CREATE FUNCTION officesync.batch(since pg_snapshot, until pg_snapshot)
RETURNS TABLE (xid xid8, sequence bigint, changes integer, bytes integer, target text)
LANGUAGE sql STABLE
AS $$
    SELECT o.xid, o.sequence, o.changes, pg_catalog.octet_length(o.body), o.target FROM officesync.outbox o
    WHERE o.xid >= pg_catalog.pg_snapshot_xmax(since) AND o.xid < pg_catalog.pg_snapshot_xmax(until)
      AND pg_catalog.pg_visible_in_snapshot(o.xid, until)
    UNION ALL
    SELECT o.xid, o.sequence, o.changes, pg_catalog.octet_length(o.body), o.target
    FROM pg_catalog.pg_snapshot_xip(since) AS late (xid)
    JOIN officesync.outbox o ON o.xid = late.xid
    WHERE pg_catalog.pg_visible_in_snapshot(o.xid, until)
$$;

-- tick(known): makes a batch boundary if anything was committed since the last one; returns its number,
-- or else that of a newer tick than the caller knows (somebody else made it), or NULL. Its own commit is synchronous, which flushes the commits of all it has seen: nothing is
-- published that a crash could undo. Called by: read_next, an operator. Touches: outbox, tick, tick_page.
CREATE FUNCTION officesync.tick(known bigint DEFAULT NULL) RETURNS bigint
LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'tick_wrapper';

-- next_tick(known, read): the same for the relay, which may lie asleep: as one row, and with wake() where there is a
-- newer tick; no row: there is none. read: with its body, as drain() gives it, where it is one part and for all, which
-- most are; else the other columns are NULL. created_us: microseconds since 1970.
-- Called by: the relay, as a transaction of its own. Touches: outbox, tick, tick_page.
CREATE FUNCTION officesync.next_tick(known bigint, read boolean)
RETURNS TABLE (tick bigint, previous bigint, created_us bigint, encoding text, changes integer, body bytea)
LANGUAGE c STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'next_tick_wrapper';
