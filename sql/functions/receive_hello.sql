-- receive_hello(...): at the head, a branch has connected. A branch seen for the first time is
-- admitted. start: where in our log it goes on; received: the last of its ticks applied here;
-- resend_from: ticks that were published before its queue existed, or it was back; number: its own among the offices. load_state: how
-- far its loading is, if it is being loaded. rejoins: ticks before start are kept no longer. Called by: the head's relay at each connect, and again each minute, so that
-- an idle lane notices what the broker lost. Touches: peer and load, and those only when something is new.
CREATE FUNCTION officesync.receive_hello(
    origin text, incarnation text, role text, peer_position bigint, position_incarnation text,
    broker_user text, load_state text DEFAULT NULL)
RETURNS TABLE (
    start bigint, received bigint, received_incarnation text, resend_from bigint, number integer, rejoins boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    here   officesync.office := officesync.this_office();
    known  officesync.peer;
    oldest bigint := (SELECT min(t.number) FROM officesync.tick t);
    newest bigint := (SELECT max(t.number) FROM officesync.tick t);
    sent   bigint := (SELECT p.sent_tick FROM officesync.publisher p);
BEGIN
    IF here.role <> 'head' OR receive_hello.role IS DISTINCT FROM 'branch' OR receive_hello.origin = here.name
       OR receive_hello.origin !~ '^[a-z0-9_-]{1,63}$' OR receive_hello.origin IN ('all', 'head') THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('office %L (%s) can''t say hello to "%s" (%s)', receive_hello.origin,
                             receive_hello.role, here.name, here.role),
            HINT = 'A branch says hello to the head; each office has a name of its own.';
    END IF;
    SELECT * INTO known FROM officesync.peer p WHERE p.name = receive_hello.origin;
    IF NOT FOUND AND EXISTS (SELECT FROM officesync.removed_branch r
                             WHERE r.name = receive_hello.origin AND r.incarnation = receive_hello.incarnation) THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('office "%s" was removed', receive_hello.origin),
            HINT = format('To let it join again as it is, run SELECT officesync.readmit_branch(%L) at the head.', receive_hello.origin);
    END IF;
    IF known.name IS NULL THEN
        -- With the whole log still here the branch gets it all; else it has to start equal, or to be loaded, now.
        start := CASE WHEN oldest = 0 AND load_state IS NULL THEN 0 ELSE newest END;
        resend_from := CASE WHEN oldest = 0 AND load_state IS NULL AND sent > 0 THEN 1 END;
        number := nextval('officesync.office_number');
        INSERT INTO officesync.peer (name, role, incarnation, number, broker_user, applied_tick, acknowledged_tick)
        VALUES (receive_hello.origin, 'branch', receive_hello.incarnation, number, receive_hello.broker_user, 0, start);
        received := 0;
    ELSIF known.incarnation <> receive_hello.incarnation THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('office "%s" is not the one that was known by this name', receive_hello.origin),
            DETAIL = 'Its database was made anew, or two databases bear the name.',
            HINT = format('If the old one is gone for good, run SELECT officesync.remove_branch(%L) at the head.', receive_hello.origin);
    ELSIF known.broker_user IS DISTINCT FROM receive_hello.broker_user THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('office "%s" came as the broker user %L, but is known as %L',
                             receive_hello.origin, receive_hello.broker_user, known.broker_user),
            HINT = 'Give the relay the credentials it joined with.';
    ELSE
        IF known.left_behind_at IS NOT NULL THEN
            known := officesync.readmit_left_behind(known, newest);
        END IF;
        -- Until it has gone on from there. Later, a branch that stands before it was put back, and must not leave anything out.
        rejoins := receive_hello.position_incarnation = here.incarnation AND receive_hello.peer_position < known.rejoin_tick
                   AND known.acknowledged_tick = known.rejoin_tick;
        IF receive_hello.position_incarnation = here.incarnation
           AND receive_hello.peer_position BETWEEN known.acknowledged_tick AND newest THEN
            PERFORM officesync.receive_position(receive_hello.origin, receive_hello.incarnation, receive_hello.broker_user,
                                                receive_hello.peer_position, receive_hello.position_incarnation);
            start := greatest(receive_hello.peer_position, sent);
        ELSE
            start := known.acknowledged_tick;
        END IF;
        received := known.applied_tick;
        SELECT greatest(received, max(i.tick)) INTO received FROM officesync.inbox i
        WHERE i.origin = receive_hello.origin AND i.last;
        IF rejoins THEN
            -- What was decided on later is answered behind start.
            received := known.rejoin_received;
        END IF;
        -- A tick of rows for single branches that has gone out just now was not for one left behind.
        IF rejoins OR receive_hello.peer_position IS NULL AND start < sent THEN
            resend_from := start + 1;
        END IF;
    END IF;
    IF load_state IS NOT NULL THEN
        PERFORM officesync.begin_load(receive_hello.origin, load_state);
    END IF;
    received_incarnation := receive_hello.incarnation;
    number := coalesce(number, known.number);
    RETURN NEXT;
END
$$;
