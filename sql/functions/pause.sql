-- pause(office, direction): this office sends nothing, or fetches nothing ('send', 'receive', 'both'), until
-- resume(): changes wait in its outbox, and at the broker. At the head, with a branch's name: that branch alone is sent
-- nothing, and what comes from it is kept and not applied. Called by: an operator. Touches: paused, halted.
CREATE FUNCTION officesync.pause(office text DEFAULT NULL, direction text DEFAULT 'both') RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    branch text   := officesync.require_pausable(office, direction);
    who    text   := officesync.calling_role()::regrole;
    ways   text[] := ARRAY(SELECT d FROM unnest(ARRAY['send', 'receive']) d WHERE pause.direction IN (d, 'both'));
BEGIN
    IF branch <> '' AND 'receive' = ANY (ways) THEN
        INSERT INTO officesync.halted (origin, tick, sqlstate, reason)
        SELECT p.name, p.applied_tick + 1, '00000', format('paused by %s', who)
        FROM officesync.peer p WHERE p.name = branch
        ON CONFLICT ON CONSTRAINT halted_pkey DO NOTHING;
    END IF;
    INSERT INTO officesync.paused (office, direction, paused_by, sent_tick)
    SELECT branch, d, who, CASE WHEN branch <> '' THEN (SELECT p.sent_tick FROM officesync.publisher p) END
    FROM unnest(ways) d WHERE branch = '' OR d = 'send'
    ON CONFLICT ON CONSTRAINT paused_pkey DO NOTHING;
    NOTIFY officesync_pause;
END
$$;

-- resume(office, direction): ends what pause() began. Called by: an operator. Touches: paused, halted.
CREATE FUNCTION officesync.resume(office text DEFAULT NULL, direction text DEFAULT 'both') RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    branch text := officesync.require_pausable(office, direction);
BEGIN
    IF branch <> '' AND resume.direction IN ('receive', 'both') THEN
        DELETE FROM officesync.halted h WHERE h.origin = branch AND h.sqlstate = '00000';
        NOTIFY officesync_lane;
    END IF;
    DELETE FROM officesync.paused p WHERE p.office = branch AND resume.direction IN (p.direction, 'both');
    NOTIFY officesync_pause;
END
$$;

-- require_pausable(office, direction): the name of a branch where that is one of this head's, '' where it is this
-- office's link; or an error that says what can be paused. Called by: pause, resume.
CREATE FUNCTION officesync.require_pausable(office text, direction text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    here officesync.office := officesync.this_office();
BEGIN
    PERFORM officesync.require_administrator();
    IF direction IS NULL OR direction NOT IN ('send', 'receive', 'both') THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('%L can''t be paused', direction),
            HINT = 'send, receive or both.';
    END IF;
    IF office IS NULL THEN
        RETURN '';
    END IF;
    PERFORM officesync.require_peer(office);
    RETURN CASE here.role WHEN 'head' THEN office ELSE '' END;
END
$$;

-- paused(): whether sending and fetching are paused here, and the time of day by this database's TimeZone, in
-- seconds; the branches to which alone nothing is sent, and the last tick that each has been sent for certain.
-- Called by: the relay. Touches nothing.
CREATE FUNCTION officesync.paused()
RETURNS TABLE (send boolean, receive boolean, second_of_day integer, branches text[], sent_ticks bigint[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(bool_or(p.office = '' AND p.direction = 'send'), false),
           coalesce(bool_or(p.direction = 'receive'), false),
           floor(extract(epoch FROM clock_timestamp()::time))::integer,
           coalesce(array_agg(p.office ORDER BY p.office) FILTER (WHERE p.office <> ''), '{}'),
           coalesce(array_agg(p.sent_tick ORDER BY p.office) FILTER (WHERE p.office <> ''), '{}')
    FROM officesync.paused p
$$;
