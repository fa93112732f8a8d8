-- silent_after(): how long a branch may be silent before it is reported: the setting officesync.silent_after.
CREATE FUNCTION officesync.silent_after() RETURNS interval
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT coalesce(nullif(current_setting('officesync.silent_after', true), ''), '1 day')::interval $$;

-- backlog(position): the bytes that are kept for a peer which stands there.
CREATE FUNCTION officesync.backlog("position" bigint) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT coalesce(sum(t.bytes), 0)::bigint FROM officesync.tick t WHERE t.number > backlog."position" $$;

-- leave_behind(): at the head: a branch that has been silent for officesync.silent_after, and for which more than
-- officesync.max_backlog bytes are kept (0, the default: any number may be), has nothing kept for it any longer. It
-- rejoins when it is back (receive_hello). Called by: prune. Touches: peer, reading, verification.
CREATE FUNCTION officesync.leave_behind() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    most CONSTANT bigint := pg_size_bytes(coalesce(nullif(current_setting('officesync.max_backlog', true), ''), '0'));
    gone text;
BEGIN
    IF most = 0 THEN
        RETURN;
    END IF;
    FOR gone IN
        UPDATE officesync.peer p SET left_behind_at = clock_timestamp(), queue_gone = false
        WHERE p.role = 'branch' AND p.left_behind_at IS NULL AND p.last_seen_at < clock_timestamp() - officesync.silent_after()
          AND officesync.backlog(p.acknowledged_tick) > most
          AND NOT EXISTS (SELECT FROM officesync.load l WHERE l.office = p.name)
        RETURNING p.name
    LOOP
        DELETE FROM officesync.reading r WHERE r.branch = gone;
        DELETE FROM officesync.verification v WHERE v.office = gone AND v.finished_at IS NULL;
        RAISE LOG 'officesync: branch "%" is left behind: nothing more is kept for it, it will rejoin', gone;
        NOTIFY officesync_reading;
    END LOOP;
END
$$;

-- settle_for_nobody(): at the head: where every branch is left behind nobody is to be sent what there is, so it counts as
-- sent. Called by: prune, never at the time of a hello, so that whoever comes back begins behind it. Touches: publisher.
CREATE FUNCTION officesync.settle_for_nobody() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE officesync.publisher o SET sent_tick = t.last
    FROM (SELECT max(number) AS last FROM officesync.tick) t
    WHERE o.sent_tick < t.last AND (SELECT bool_and(p.left_behind_at IS NOT NULL) FROM officesync.peer p WHERE p.role = 'branch')
$$;

-- readmit_left_behind(known, newest): at the head: that branch is back. It goes on at our newest tick, and is compared
-- with us and put right. Refused where the schema changed meanwhile: what did is not kept either. Called by:
-- receive_hello. Touches: peer, and as verify.
CREATE FUNCTION officesync.readmit_left_behind(known officesync.peer, newest bigint) RETURNS officesync.peer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM officesync.schema_history h WHERE h.tick > known.acknowledged_tick OR h.tick IS NULL) THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('office "%s" was left behind, and the schema has changed since', known.name),
            DETAIL = format('Since %s nothing is kept for it.', known.left_behind_at::timestamptz(0)),
            HINT = format('Save what it has not sent, SELECT officesync.remove_branch(%L), and let it join with an empty database.', known.name);
    END IF;
    UPDATE officesync.peer p
    SET left_behind_at = NULL, rejoin_tick = newest, rejoin_received = p.applied_tick, acknowledged_tick = newest, last_seen_at = clock_timestamp()
    WHERE p.name = known.name RETURNING p.* INTO known;
    PERFORM officesync.verify(known.name, NULL, 'repair');
    RETURN known;
END
$$;
