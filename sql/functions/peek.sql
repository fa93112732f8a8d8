-- peek(transactions, newest): the rows of the outbox that a peer has not acknowledged, of so many
-- transactions from the oldest, or back from the newest; tick is NULL where they are in none yet. Row
-- values are in body: nobody but the relay's role may see them. Called by: an operator, through
-- `officesync-relay peek`. Touches nothing.
CREATE FUNCTION officesync.peek(transactions integer, newest boolean DEFAULT false)
RETURNS TABLE (tick bigint, sequence bigint, chunk integer, changes integer, compressed boolean, body bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH acknowledged AS MATERIALIZED (
        SELECT t.snapshot FROM officesync.tick t, officesync.outbox_position() p
        WHERE t.number = greatest(p.acknowledged_tick, (SELECT min(m.number) FROM officesync.tick m))),
    chosen AS (
        (SELECT o.xid, o.sequence FROM officesync.outbox o, acknowledged a
         WHERE NOT peek.newest AND o.sequence IS NOT NULL AND o.xid >= pg_snapshot_xmin(a.snapshot)
           AND NOT pg_visible_in_snapshot(o.xid, a.snapshot)
         ORDER BY o.sequence LIMIT peek.transactions)
        UNION ALL
        (SELECT o.xid, o.sequence FROM officesync.outbox o, acknowledged a
         WHERE peek.newest AND o.sequence IS NOT NULL AND o.xid >= pg_snapshot_xmin(a.snapshot)
           AND NOT pg_visible_in_snapshot(o.xid, a.snapshot)
         ORDER BY o.sequence DESC LIMIT peek.transactions))
    SELECT (SELECT min(t.number) FROM officesync.tick t WHERE pg_visible_in_snapshot(c.xid, t.snapshot)),
           c.sequence, o.chunk, o.changes, o.compressed, o.body
    FROM chosen c JOIN officesync.outbox o ON o.xid = c.xid
    ORDER BY c.sequence, o.chunk
$$;
