-- receive_welcome(...): at a branch, the head has answered our hello. start: where in its log we
-- should be by now (the answer travels behind all it sent before); received: the last of our ticks
-- it has. resend_from: our ticks the broker lost; ask_from: its ticks the broker lost.
-- number: ours among the offices. rejoins: what it made up to start it does not have any more. Called by: the branch's relay. Touches: peer, schema_position, office, inbox, halted
-- and left_out, and that only when something is new.
CREATE FUNCTION officesync.receive_welcome(
    origin text, incarnation text, start bigint, received bigint, received_incarnation text,
    broker_user text, number integer DEFAULT NULL, rejoins boolean DEFAULT false)
RETURNS TABLE (resend_from bigint, ask_from bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    here  officesync.office := officesync.this_office();
    known officesync.peer;
    seen  bigint;
BEGIN
    IF here.role <> 'branch' OR receive_welcome.received_incarnation IS DISTINCT FROM here.incarnation THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('a welcome from %L is not meant for this office', receive_welcome.origin);
    END IF;
    UPDATE officesync.office o SET number = receive_welcome.number
    WHERE o.number IS DISTINCT FROM receive_welcome.number AND receive_welcome.number IS NOT NULL;
    SELECT * INTO known FROM officesync.peer p WHERE p.role = 'head';
    IF NOT FOUND THEN
        INSERT INTO officesync.peer (name, role, incarnation, broker_user, applied_tick, acknowledged_tick)
        VALUES (receive_welcome.origin, 'head', receive_welcome.incarnation, receive_welcome.broker_user,
                receive_welcome.start, receive_welcome.received);
        -- Our tables are as the head's are there.
        INSERT INTO officesync.schema_position AS p (tick) VALUES (receive_welcome.start::text)
        ON CONFLICT (only_row) DO UPDATE SET tick = EXCLUDED.tick;
        PERFORM officesync.has_changed('officesync.outbox_turn');
    ELSIF (known.name, known.incarnation) <> (receive_welcome.origin, receive_welcome.incarnation) THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('the head "%s" is not the one this branch belongs to', receive_welcome.origin),
            DETAIL = format('This branch belongs to "%s".', known.name),
            HINT = 'Was the head''s database restored or made anew? Then this branch has to join again.';
    ELSE
        IF receive_welcome.rejoins AND known.applied_tick < receive_welcome.start THEN
            -- We were away too long: we go on there, and are compared with the head. What it has of ours is
            -- decided on, and its answers are gone.
            DELETE FROM officesync.inbox i WHERE i.origin = known.name AND i.tick <= receive_welcome.start;
            DELETE FROM officesync.halted h WHERE h.origin = known.name;
            DELETE FROM officesync.left_out;
            UPDATE officesync.peer p
            SET applied_tick = receive_welcome.start, rejoin_tick = receive_welcome.start,
                acknowledged_tick = greatest(p.acknowledged_tick, receive_welcome.received)
            WHERE p.name = known.name RETURNING p.* INTO known;
        END IF;
        -- What it has is not what it has told us of: our changes are kept until their echo is applied
        -- here, which says what became of them.
        UPDATE officesync.peer p SET last_seen_at = clock_timestamp()
        WHERE p.name = known.name AND p.last_seen_at < clock_timestamp() - interval '5 minutes';
        SELECT greatest(known.applied_tick, max(i.tick)) INTO seen FROM officesync.inbox i
        WHERE i.origin = known.name AND i.last;
        ask_from := CASE WHEN seen < receive_welcome.start THEN seen + 1 END;
    END IF;
    SELECT CASE WHEN receive_welcome.received < o.sent_tick THEN receive_welcome.received + 1 END
    INTO resend_from FROM officesync.publisher o;
    RETURN NEXT;
END
$$;
