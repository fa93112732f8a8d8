-- prune(): forgets what every peer has acknowledged; returns the bytes of disk that became free. While no
-- peer is known, everything is kept: the first branch will want it all. Called by: the relay.
-- Touches: outbox, tick, tick_page, conflicts, peer, publisher.
CREATE FUNCTION officesync.prune() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$
DECLARE
    done officesync.tick;
BEGIN
    PERFORM officesync.forget_old_conflicts();
    PERFORM officesync.leave_behind();
    PERFORM officesync.settle_for_nobody();
    SELECT t.* INTO done FROM officesync.outbox_position() p
    JOIN officesync.tick t ON t.number = p.acknowledged_tick
    WHERE p.acknowledged_tick > (SELECT min(number) FROM officesync.tick);
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    PERFORM officesync.settle_history();
    DELETE FROM officesync.tick_page p WHERE p.tick <= done.number;
    DELETE FROM officesync.tick t WHERE t.number < done.number;
    RETURN officesync.rotate_outbox(done.snapshot);
END
$$;

-- rotate_outbox(acknowledged): truncates those outbox tables that hold nothing but what that snapshot
-- sees, and passes the turn on when the one that has it is worth it. Called by: prune.
-- Touches: outbox.
CREATE FUNCTION officesync.rotate_outbox(acknowledged pg_snapshot) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- A table that is being read is left for next time.
SET lock_timeout = '20ms'
AS $$
DECLARE
    -- Not worth a truncate yet.
    small CONSTANT bigint := 1024 * 1024;
    turn  integer := (SELECT s.last_value FROM officesync.outbox_turn s);
    other integer;
    name  text;
    bytes bigint;
    freed bigint := 0;
BEGIN
    FOR other IN SELECT t % 3 FROM generate_series(turn + 1, turn + 2) t LOOP
        name := format('officesync.outbox_%s', other);
        CONTINUE WHEN pg_relation_size(name) = 0 OR NOT officesync.is_acknowledged(other, acknowledged);
        BEGIN
            -- Nobody is writing to it then, so that what we see is all there is.
            EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', name);
            bytes := pg_total_relation_size(name);
            IF officesync.is_acknowledged(other, acknowledged) THEN
                EXECUTE format('TRUNCATE ONLY %s', name);
                freed := freed + bytes;
            END IF;
        EXCEPTION WHEN lock_not_available THEN
            NULL;
        END;
    END LOOP;
    IF pg_table_size(format('officesync.outbox_%s', turn)) > small THEN
        other := (SELECT t % 3 FROM generate_series(turn + 1, turn + 2) t
                  WHERE pg_relation_size(format('officesync.outbox_%s', t % 3)) = 0
                  ORDER BY t LIMIT 1);
        IF other IS NOT NULL THEN
            PERFORM setval('officesync.outbox_turn', other), officesync.has_changed('officesync.outbox_turn');
        END IF;
    END IF;
    RETURN freed;
END
$$;

-- is_acknowledged(turn, acknowledged): whether that outbox table holds nothing but what the snapshot sees.
CREATE FUNCTION officesync.is_acknowledged(turn integer, acknowledged pg_snapshot) RETURNS boolean
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT NOT EXISTS (
        SELECT FROM officesync.outbox o
        WHERE o.turn = is_acknowledged.turn AND o.xid >= pg_snapshot_xmin(acknowledged)
          AND NOT pg_visible_in_snapshot(o.xid, acknowledged))
$$;
