-- begin_tick(): whether this transaction may make a tick: one at a time. A lock in memory that no user
-- can take, so that nothing is written when there is nothing new and nobody can be in the way.
CREATE FUNCTION officesync.begin_tick() RETURNS boolean
LANGUAGE c AS 'MODULE_PATHNAME', 'begin_tick_wrapper';

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

-- batch_facts(since, until): what tick() needs to know of a batch: the first and the last number, how many transactions
-- and changes, the bytes, and for which branches alone some of it is (NULL: none). The snapshots as texts. Called by: tick. Touches nothing.
CREATE FUNCTION officesync.batch_facts(since text, until text)
RETURNS TABLE (first bigint, last bigint, transactions bigint, changes bigint, bytes bigint, targets text[])
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'batch_facts_wrapper';

-- tick(known): makes a batch boundary if anything was committed since the last one; returns its number,
-- or else that of a newer tick than the caller knows (somebody else made it), or NULL. Its own commit is synchronous, which flushes the commits of all it has seen: nothing is
-- published that a crash could undo. Called by: the relay, as a transaction of its own.
-- Touches: outbox, tick, tick_page.
CREATE FUNCTION officesync.tick(known bigint DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$
DECLARE
    -- Transactions of a page, and of a batch that needs none.
    page    CONSTANT bigint := 2048;
    before  officesync.tick;
    present pg_snapshot;
    batch   record;
BEGIN
    IF NOT officesync.begin_tick() THEN
        RETURN NULL;
    END IF;
    SELECT * INTO STRICT before FROM officesync.tick ORDER BY number DESC LIMIT 1;
    present := pg_current_snapshot();
    SELECT * INTO batch FROM officesync.batch_facts(before.snapshot::text, present::text);
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
    IF batch.transactions > page THEN
        INSERT INTO officesync.tick_page (tick, last_sequence, xids)
        SELECT before.number + 1, max(b.sequence), array_agg(b.xid ORDER BY b.sequence)
        FROM (SELECT b.xid, b.sequence, (row_number() OVER (ORDER BY b.sequence) - 1) / page AS page
              FROM officesync.batch(before.snapshot, present) b WHERE b.sequence IS NOT NULL) b
        GROUP BY b.page;
    END IF;
    RETURN before.number + 1;
END
$$;
