-- follow_tracking(schema, table, direction, branch_column, branch_path): at a branch: tracks a table as the head does, or, without a
-- direction, no longer. What stands so already is left alone. Called by: the library, for what the head sent.
CREATE FUNCTION officesync.follow_tracking(
    schema_name text, table_name text, direction text, branch_column text, branch_path text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $$
DECLARE
    target   regclass := to_regclass(format('%I.%I', follow_tracking.schema_name, follow_tracking.table_name));
    known    officesync.tracked;
BEGIN
    SELECT t.* INTO known FROM officesync.tracked t WHERE t.relation = target;
    IF follow_tracking.direction IS NULL THEN
        DELETE FROM officesync.tracked t WHERE t.relation = target;
        IF FOUND THEN
            PERFORM officesync.drop_triggers(target);
        END IF;
        RETURN;
    END IF;
    IF target IS NULL THEN
        RAISE undefined_table USING
            MESSAGE = format('table %I.%I is tracked at the head and is not here', follow_tracking.schema_name, follow_tracking.table_name),
            HINT = 'Create it as it is at the head, then run officesync.retry().';
    END IF;
    IF (known.direction, known.branch_column::text, known.branch_path)
       IS NOT DISTINCT FROM (follow_tracking.direction, follow_tracking.branch_column, follow_tracking.branch_path) THEN
        RETURN;
    END IF;
    DELETE FROM officesync.tracked t WHERE t.relation = known.relation;
    PERFORM officesync.create_triggers(target, follow_tracking.direction,
                                       officesync.scope_arguments(follow_tracking.branch_column, follow_tracking.branch_path));
    INSERT INTO officesync.tracked (relation, direction, tracked_at, tracked_by, branch_column, branch_path)
    VALUES (target, follow_tracking.direction, coalesce(known.tracked_at, clock_timestamp()), coalesce(known.tracked_by, 'head'),
            follow_tracking.branch_column, follow_tracking.branch_path);
END
$$;
