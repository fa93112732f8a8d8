-- remove_branch(name): at the head, a branch leaves: what waits for it is no longer kept, its queue is deleted by
-- the relay, and what it sends is no longer taken, until readmit_branch(). Its database stays as it is. Called by:
-- an operator. Touches: peer, inbox, halted, paused, reading, verification, removed_branch,
-- load.
CREATE FUNCTION officesync.remove_branch(name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    gone officesync.peer;
BEGIN
    PERFORM officesync.require_administrator();
    PERFORM officesync.require_peer(remove_branch.name);
    DELETE FROM officesync.load l WHERE l.office = remove_branch.name;
    DELETE FROM officesync.peer p WHERE p.name = remove_branch.name AND p.role = 'branch' RETURNING p.* INTO gone;
    IF NOT FOUND THEN
        RAISE wrong_object_type USING
            MESSAGE = format('office "%s" is not a branch', remove_branch.name),
            HINT = 'Branches are removed at the head.';
    END IF;
    DELETE FROM officesync.reading r WHERE r.branch = gone.name;
    DELETE FROM officesync.paused p WHERE p.office = gone.name;
    INSERT INTO officesync.removed_branch (name, incarnation, removed_by)
    VALUES (gone.name, gone.incarnation, officesync.calling_role()::regrole::text)
    ON CONFLICT ON CONSTRAINT removed_branch_pkey
    DO UPDATE SET removed_by = EXCLUDED.removed_by, removed_at = EXCLUDED.removed_at, queue_gone_at = NULL;
    NOTIFY officesync_reading;
END
$$;

-- readmit_branch(name): lets a branch that was removed join again as it is. Compare it afterwards: what was
-- written meanwhile, on either side, it may lack. Called by: an operator. Touches: removed_branch.
CREATE FUNCTION officesync.readmit_branch(name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM officesync.require_administrator();
    DELETE FROM officesync.removed_branch r WHERE r.name = readmit_branch.name;
    IF NOT FOUND THEN
        RAISE undefined_object USING
            MESSAGE = format('no branch %L was removed here', readmit_branch.name),
            HINT = 'SELECT * FROM officesync.removed_branch lists those that were.';
    END IF;
END
$$;

-- queues_to_delete(), queue_deleted(name): the branches whose queues are not needed any more, and that one of
-- them is gone. Called by: the head's relay. Touches: removed_branch, peer.
CREATE FUNCTION officesync.queues_to_delete() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT DISTINCT r.name FROM officesync.removed_branch r
    WHERE r.queue_gone_at IS NULL AND NOT EXISTS (SELECT FROM officesync.peer p WHERE p.name = r.name)
  UNION
    SELECT p.name FROM officesync.peer p WHERE p.left_behind_at IS NOT NULL AND NOT p.queue_gone
$$;

CREATE FUNCTION officesync.queue_deleted(name text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE officesync.removed_branch r SET queue_gone_at = clock_timestamp()
    WHERE r.name = queue_deleted.name AND r.queue_gone_at IS NULL;
    UPDATE officesync.peer p SET queue_gone = true
    WHERE p.name = queue_deleted.name AND p.left_behind_at IS NOT NULL
$$;
