-- track(table, direction, branch_column, branch_path): captures every change of the table from this transaction's commit on.
-- direction: 'both'; 'down' (authored at the head); 'up' (authored at branches, collected at the
-- head). branch_column: a branch gets, and may write, only those rows in which this column is its name; the others
-- stay at the head and at the branches they name. branch_path: the same where the row that this one refers to tells it:
-- 'order_id -> orders.branch'. Tracking again is a notice; with another direction it changes that. Called by: the table's
-- owner. Touches: tracked, and the table's triggers; at the head outbox: the branches make the table and track it.
-- Rows that it has already do not go out by this.
CREATE FUNCTION officesync.track(
    "table" regclass, direction text DEFAULT 'both', branch_column name DEFAULT NULL, branch_path text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET client_min_messages = notice
AS $$
DECLARE
    relation regclass := track."table";
    known    officesync.tracked;
BEGIN
    IF relation IS NULL THEN
        RAISE null_value_not_allowed USING
            MESSAGE = 'track() needs a table', HINT = 'SELECT officesync.track(''orders'');';
    END IF;
    IF track.direction IS NULL OR track.direction NOT IN ('both', 'down', 'up') THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('%L is not a direction', track.direction),
            HINT = 'Use ''both'', ''down'' (authored at the head) or ''up'' (authored at branches).';
    END IF;
    PERFORM officesync.this_office();
    PERFORM officesync.require_trackable(relation);
    IF track.direction = 'both' THEN
        PERFORM officesync.require_own_ids(relation);
    END IF;
    IF branch_column IS NOT NULL AND branch_path IS NOT NULL THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('table %s can''t have a branch column and a branch path', relation),
            HINT = 'Say one of them: where the rows name their branch, or the way to the rows that do.';
    ELSIF branch_path IS NOT NULL THEN
        branch_path := officesync.require_branch_path(relation, branch_path);
    ELSIF branch_column IS NOT NULL THEN
        PERFORM officesync.require_branch_column(relation, branch_column);
    END IF;
    SELECT t.* INTO known FROM officesync.tracked t WHERE t.relation = track."table";
    IF FOUND THEN
        PERFORM officesync.require_same_scope(known, track.branch_column, track.branch_path);
    END IF;
    branch_column := coalesce(known.branch_column, track.branch_column);
    branch_path := coalesce(known.branch_path, track.branch_path);
    -- In this order, because partitions of what is tracked already are taken for new ones.
    DELETE FROM officesync.tracked t WHERE t.relation = track."table" RETURNING t.* INTO known;
    IF known.direction = track.direction THEN
        RAISE NOTICE 'table % is tracked already (%)', relation, known.direction;
    END IF;
    PERFORM officesync.create_triggers(relation, track.direction, officesync.scope_arguments(branch_column, branch_path));
    INSERT INTO officesync.tracked (relation, direction, tracked_at, tracked_by, branch_column, branch_path)
    VALUES (relation, track.direction, coalesce(known.tracked_at, clock_timestamp()),
            coalesce(known.tracked_by, officesync.calling_role()::regrole::text), branch_column, branch_path);
    PERFORM officesync.require_scopes();
    IF known.direction IS DISTINCT FROM track.direction THEN
        PERFORM officesync.tell_tracking(relation, track.direction, known.direction IS NULL);
    END IF;
END
$$;
