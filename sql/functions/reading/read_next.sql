-- read_next(busy): reads what is wanted next for a branch that is not among the busy ones, and the tick it belongs
-- to: the state of this transaction's snapshot is that tick, exactly. No row: nothing is to be read now.
-- open: whether anything is still wanted or awaited. Called by: the head's relay, as the first statement of a
-- transaction with REPEATABLE READ. Touches: reading, outbox and tick, and what read_<kind> touches.
CREATE FUNCTION officesync.read_next(busy text[])
RETURNS TABLE (open boolean, number bigint, branch text, kind text, tick bigint, body bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET DateStyle = 'ISO, MDY' SET IntervalStyle = postgres SET TimeZone = 'UTC'
SET lc_monetary = 'C' SET xmloption = content SET extra_float_digits = 3 SET bytea_output = hex
-- Publishing waits meanwhile: whoever holds the table comes first.
SET lock_timeout = '100ms' SET jit = off
AS $$
DECLARE
    wanted officesync.reading;
    plain  bytea;
BEGIN
    SELECT r.* INTO wanted FROM officesync.reading r
    WHERE r.number = officesync.next_reading(busy) FOR UPDATE SKIP LOCKED;
    open := EXISTS (SELECT FROM officesync.reading);
    IF wanted.number IS NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    tick := officesync.tick(-1);
    -- But for a tick that is made now, what is lost with a crash is read again.
    IF NOT EXISTS (SELECT FROM officesync.tick t WHERE t.number = read_next.tick AND t.created_at >= now()) THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    IF tick IS NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    BEGIN
        EXECUTE format('SELECT officesync.%I($1, $2, $3)', 'read_' || wanted.kind)
        INTO plain USING wanted.number, wanted.branch, wanted.request;
        -- NULL: there is nothing to tell any more.
        IF plain IS NULL THEN
            DELETE FROM officesync.reading r WHERE r.number = wanted.number;
        ELSE
            body := officesync.pack(plain);
        END IF;
    EXCEPTION
        WHEN transaction_rollback THEN
            RAISE;
        WHEN lock_not_available THEN
            UPDATE officesync.reading r SET not_before = clock_timestamp() + interval '1 second'
            WHERE r.number = wanted.number;
        WHEN query_canceled OR OTHERS THEN
            PERFORM officesync.fail_reading(wanted.number, SQLERRM);
    END;
    IF body IS NOT NULL THEN
        UPDATE officesync.reading r
        SET sent_tick = read_next.tick, waiting_since = clock_timestamp(), reads = r.reads + 1
        WHERE r.number = wanted.number;
        number := wanted.number;
        branch := wanted.branch;
        kind := wanted.kind;
    END IF;
    RETURN NEXT;
END
$$;

-- next_reading(busy): the number of what is to be read next. What was sent is read again when its branch is
-- past it and has answered nothing for a while (officesync.reading_timeout, 30 seconds), or was seen long
-- after. Called by: read_next.
CREATE FUNCTION officesync.next_reading(busy text[]) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT r.number FROM officesync.reading r JOIN officesync.peer p ON p.name = r.branch
    CROSS JOIN coalesce(nullif(current_setting('officesync.reading_timeout', true), ''), '30s') AS patience
    WHERE r.not_before <= clock_timestamp() AND NOT r.branch = ANY (busy)
      AND (r.sent_tick IS NULL
           OR (p.acknowledged_tick >= r.sent_tick AND r.waiting_since < clock_timestamp() - patience::interval)
           OR p.last_seen_at > r.waiting_since + 20 * patience::interval)
    ORDER BY r.number LIMIT 1
$$;

-- fail_reading(number, problem): a reading that will never be taken: its kind is told. Called by: read_next,
-- receive_answer. Touches: reading, and what failed_<kind> touches.
CREATE FUNCTION officesync.fail_reading(number bigint, problem text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    failed officesync.reading;
BEGIN
    DELETE FROM officesync.reading r WHERE r.number = fail_reading.number RETURNING r.* INTO failed;
    IF FOUND THEN
        EXECUTE format('SELECT officesync.%I($1, $2, $3, $4)', 'failed_' || failed.kind)
        USING failed.number, failed.branch, failed.request, fail_reading.problem;
    END IF;
END
$$;
