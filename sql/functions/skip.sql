-- skip(origin, tick): gives up the tick a halted lane waits with. Its parts move to the quarantine
-- with the reason and who skipped it; the lane goes on behind it. Called by: an operator.
-- Touches: halted, inbox, quarantine, peer and (at the head) outbox: the acknowledgement.
CREATE FUNCTION officesync.skip(origin text, tick bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    lane officesync.peer;
    halt officesync.halted;
BEGIN
    PERFORM officesync.require_administrator();
    PERFORM officesync.require_peer(skip.origin);
    SELECT * INTO lane FROM officesync.peer p WHERE p.name = skip.origin FOR UPDATE;
    SELECT * INTO halt FROM officesync.halted h WHERE h.origin = skip.origin;
    IF NOT FOUND THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('the lane of office "%s" is not halted', skip.origin),
            HINT = 'Only the tick a halted lane waits with can be skipped; see officesync.lanes.';
    END IF;
    IF skip.tick IS DISTINCT FROM lane.applied_tick + 1 THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('the lane of office "%s" waits with tick %s, not with %s',
                             skip.origin, lane.applied_tick + 1, coalesce(skip.tick::text, 'NULL')),
            HINT = format('SELECT officesync.skip(%L, %s);', skip.origin, lane.applied_tick + 1);
    END IF;
    IF NOT EXISTS (SELECT FROM officesync.inbox i
                   WHERE i.origin = skip.origin AND i.tick = skip.tick AND i.last) THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('tick %s of office "%s" has not arrived whole yet', skip.tick, skip.origin),
            HINT = 'Wait until it has, so that a record of what is skipped can be kept.';
    END IF;
    WITH skipped AS (
        DELETE FROM officesync.inbox i WHERE i.origin = skip.origin AND i.tick = skip.tick RETURNING i.*)
    INSERT INTO officesync.quarantine (origin, incarnation, tick, part, broker_user, encoding, continued, body, reason)
    SELECT s.origin, lane.incarnation, s.tick, s.part, lane.broker_user, s.encoding, s.continued, s.body,
           format('skipped by %s: %s', officesync.calling_role()::regrole, halt.reason)
    FROM skipped s ORDER BY s.part;
    UPDATE officesync.peer p SET applied_tick = skip.tick WHERE p.name = skip.origin;
    DELETE FROM officesync.halted h WHERE h.origin = skip.origin;
    PERFORM officesync.mark_applied(skip.origin, lane.incarnation, skip.tick);
    NOTIFY officesync_lane;
END
$$;
