-- prune(): deletes what every peer has acknowledged; returns how many rows. While no peer is known,
-- nothing is deleted: the first branch will want it all. Called by: the relay.
-- Touches: outbox, tick.
CREATE FUNCTION officesync.prune() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    done    officesync.tick;
    deleted bigint;
BEGIN
    SELECT t.* INTO done FROM officesync.outbox_position() p
    JOIN officesync.tick t ON t.number = p.acknowledged_tick
    WHERE p.acknowledged_tick > (SELECT min(number) FROM officesync.tick);
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    DELETE FROM officesync.outbox o
    WHERE o.xid < pg_snapshot_xmax(done.snapshot) AND pg_visible_in_snapshot(o.xid, done.snapshot);
    GET DIAGNOSTICS deleted = ROW_COUNT;
    DELETE FROM officesync.tick t WHERE t.number < done.number;
    RETURN deleted;
END
$$;
