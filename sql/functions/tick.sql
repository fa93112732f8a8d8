-- begin_tick(): whether this transaction may make a tick: one at a time. A lock in memory that no user
-- can take, so that nothing is written when there is nothing new and nobody can be in the way.
CREATE FUNCTION officesync.begin_tick() RETURNS boolean
LANGUAGE c AS 'MODULE_PATHNAME', 'begin_tick_wrapper';

-- tick(known): makes a batch boundary if anything was committed since the last one; returns its number,
-- or else that of a newer tick than the caller knows (somebody else made it), or NULL. Its own commit is synchronous, which flushes the commits of all it has seen: nothing is
-- published that a crash could undo. Called by: the relay, as a transaction of its own.
-- Touches: outbox, tick.
CREATE FUNCTION officesync.tick(known bigint DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$
DECLARE
    before  officesync.tick;
    present pg_snapshot;
    batch   record;
BEGIN
    IF NOT officesync.begin_tick() THEN
        RETURN NULL;
    END IF;
    SELECT * INTO STRICT before FROM officesync.tick ORDER BY number DESC LIMIT 1;
    present := pg_current_snapshot();
    SELECT min(o.sequence) AS first, max(o.sequence) AS last,
           count(o.sequence) AS transactions, sum(o.changes) AS changes,
           sum(octet_length(o.body)) AS bytes,
           array_agg(DISTINCT o.target) FILTER (WHERE o.target IS NOT NULL) AS targets
    INTO batch
    FROM (SELECT o.* FROM officesync.outbox o
          WHERE o.xid >= pg_snapshot_xmax(before.snapshot) AND o.xid < pg_snapshot_xmax(present)
          UNION ALL
          SELECT o.* FROM pg_snapshot_xip(before.snapshot) AS late (xid)
          JOIN officesync.outbox o ON o.xid = late.xid) o
    WHERE pg_visible_in_snapshot(o.xid, present);
    IF batch.last IS NULL THEN
        RETURN CASE WHEN before.number > tick.known THEN before.number END;
    END IF;
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    INSERT INTO officesync.tick (number, previous, snapshot, first_sequence, last_sequence,
                                 transactions, changes, bytes, part_bytes, targets)
    VALUES (before.number + 1, before.number, present, batch.first, batch.last,
            batch.transactions, batch.changes, batch.bytes, officesync.part_bytes(), batch.targets);
    RETURN before.number + 1;
END
$$;
