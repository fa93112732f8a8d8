-- take_reading(...): at a branch, a reading of the head has come. outcome: taken, with what its kind answers;
-- missed: this office stands elsewhere in the head's log than the tick that was read, and nothing was done;
-- early: it has yet to come to that tick, and nothing was done;
-- failed, with the reason; quarantined. Errors that pass by themselves are raised. Its commit is on disk when
-- it returns. Called by: the branch's relay, in turn with the head's ticks. Touches: what take_<kind> touches,
-- quarantine.
CREATE FUNCTION officesync.take_reading(
    origin text, incarnation text, tick bigint, kind text, number bigint, broker_user text,
    encoding text, body bytea)
RETURNS TABLE (outcome text, answer jsonb)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET session_replication_role = replica
SET DateStyle = 'ISO, MDY' SET IntervalStyle = postgres SET TimeZone = 'UTC'
SET lc_monetary = 'C' SET xmloption = content SET extra_float_digits = 3 SET bytea_output = hex
SET deadlock_timeout = '50ms' SET jit = off
AS $$
DECLARE
    -- Locked as for a tick: the position stays what it is while we look.
    head officesync.peer;
BEGIN
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    SELECT * INTO head FROM officesync.peer p
    WHERE p.name = take_reading.origin AND p.role = 'head' FOR UPDATE;
    IF head.name IS NULL OR head.incarnation <> take_reading.incarnation THEN
        outcome := 'missed';
    ELSIF head.broker_user IS DISTINCT FROM take_reading.broker_user THEN
        outcome := 'quarantined';
        INSERT INTO officesync.quarantine (origin, incarnation, tick, broker_user, encoding, body, reason)
        VALUES (take_reading.origin, take_reading.incarnation, take_reading.tick, take_reading.broker_user,
                take_reading.encoding, take_reading.body,
                format('a reading of the head came from the broker user "%s", but the head sends as "%s"',
                       take_reading.broker_user, head.broker_user));
    ELSIF take_reading.kind = 'load_rows' AND EXISTS (SELECT FROM officesync.load_taken t WHERE t.number = take_reading.number) THEN
        -- Delivered again: it was taken in its place.
        outcome := 'taken';
        answer := '{}';
    ELSIF head.applied_tick < take_reading.tick THEN
        outcome := 'early';
    ELSIF head.applied_tick <> take_reading.tick
          OR EXISTS (SELECT FROM officesync.inbox i WHERE i.origin = head.name)
          OR EXISTS (SELECT FROM officesync.halted h WHERE h.origin = head.name) THEN
        outcome := 'missed';
    ELSE
        BEGIN
            EXECUTE format('SELECT officesync.%I($1, $2, officesync.unpack($3, $4))', 'take_' || take_reading.kind)
            INTO answer
            USING take_reading.number, take_reading.tick, take_reading.body, take_reading.encoding;
            outcome := 'taken';
        EXCEPTION WHEN OTHERS THEN
            IF SQLSTATE ~ '^(08|40|53|57|58)' OR SQLSTATE = '55P03' THEN
                RAISE;
            END IF;
            outcome := 'failed';
            answer := to_jsonb(SQLERRM);
        END;
    END IF;
    RETURN NEXT;
END
$$;
