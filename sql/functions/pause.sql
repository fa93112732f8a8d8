-- pause(office, direction): this office sends nothing, or fetches nothing ('send', 'receive', 'both'), until
-- resume(): changes wait in its outbox, and at the broker. At the head, with a branch's name: what comes from that
-- branch is kept and not applied ('receive' only: all branches are sent the same messages). Called by: an
-- operator. Touches: paused, halted.
CREATE FUNCTION officesync.pause(office text DEFAULT NULL, direction text DEFAULT 'both') RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF officesync.require_pausable(office, direction) = 'branch' THEN
        INSERT INTO officesync.halted (origin, tick, sqlstate, reason)
        SELECT p.name, p.applied_tick + 1, '00000', format('paused by %s', officesync.calling_role()::regrole)
        FROM officesync.peer p WHERE p.name = pause.office
        ON CONFLICT ON CONSTRAINT halted_pkey DO NOTHING;
    ELSE
        INSERT INTO officesync.paused (direction, paused_by)
        SELECT d, officesync.calling_role()::regrole::text FROM unnest(ARRAY['send', 'receive']) d
        WHERE pause.direction IN (d, 'both')
        ON CONFLICT ON CONSTRAINT paused_pkey DO NOTHING;
    END IF;
    NOTIFY officesync_pause;
END
$$;

-- resume(office, direction): ends what pause() began. Called by: an operator. Touches: paused, halted.
CREATE FUNCTION officesync.resume(office text DEFAULT NULL, direction text DEFAULT 'both') RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF officesync.require_pausable(office, CASE WHEN office IS NULL THEN direction ELSE 'receive' END) = 'branch' THEN
        DELETE FROM officesync.halted h WHERE h.origin = resume.office AND h.sqlstate = '00000';
        NOTIFY officesync_lane;
    ELSE
        DELETE FROM officesync.paused p WHERE resume.direction IN (p.direction, 'both');
    END IF;
    NOTIFY officesync_pause;
END
$$;

-- require_pausable(office, direction): 'branch' where that is one branch of this head, else 'here'; or an error
-- that says what can be paused. Called by: pause, resume.
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
        RETURN 'here';
    END IF;
    PERFORM officesync.require_peer(office);
    IF here.role = 'branch' THEN
        RETURN 'here';
    END IF;
    IF direction <> 'receive' THEN
        RAISE feature_not_supported USING
            MESSAGE = format('sending to the branch "%s" alone can''t be paused', office),
            DETAIL = 'All branches are sent the same messages.',
            HINT = format('Run SELECT officesync.pause(direction => ''receive'') at "%s", or pause(%L, ''receive'') here.',
                          office, office);
    END IF;
    RETURN 'branch';
END
$$;

-- paused(): whether sending and fetching are paused here, and the time of day by this database's TimeZone, in
-- seconds. Called by: the relay. Touches nothing.
CREATE FUNCTION officesync.paused() RETURNS TABLE (send boolean, receive boolean, second_of_day integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM officesync.paused p WHERE p.direction = 'send'),
           EXISTS (SELECT FROM officesync.paused p WHERE p.direction = 'receive'),
           floor(extract(epoch FROM clock_timestamp()::time))::integer
$$;
