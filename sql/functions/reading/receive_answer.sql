-- receive_answer(...): at the head, a branch tells what became of a reading of its own. One that is not awaited
-- any more is let pass. Called by: the head's relay. Touches: reading, and what answered_<kind> touches.
CREATE FUNCTION officesync.receive_answer(
    origin text, incarnation text, broker_user text, number bigint, tick bigint, outcome text, answer jsonb)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    sent officesync.reading;
BEGIN
    PERFORM officesync.require_sender(receive_answer.origin, receive_answer.incarnation, receive_answer.broker_user);
    SELECT * INTO sent FROM officesync.reading r
    WHERE r.number = receive_answer.number AND r.branch = receive_answer.origin
      AND r.sent_tick = receive_answer.tick FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    -- It is at work: what was sent behind this one is on its way.
    UPDATE officesync.reading r SET waiting_since = clock_timestamp()
    WHERE r.branch = sent.branch AND r.sent_tick IS NOT NULL;
    CASE receive_answer.outcome
        WHEN 'taken' THEN
            DELETE FROM officesync.reading r WHERE r.number = sent.number;
            EXECUTE format('SELECT officesync.%I($1, $2, $3, $4)', 'answered_' || sent.kind)
            USING sent.number, sent.branch, sent.request, receive_answer.answer;
        WHEN 'missed' THEN
            PERFORM officesync.want_again(ARRAY[sent.number]);
        ELSE
            PERFORM officesync.fail_reading(sent.number, left(receive_answer.answer #>> '{}', 2000));
    END CASE;
END
$$;
