-- read_load_end(number, branch, request): at the head, the last reading of a load: the statements that follow the
-- rows. Called by: read_next. Touches nothing.
CREATE FUNCTION officesync.read_load_end(number bigint, branch text, request jsonb) RETURNS bytea
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT convert_to(coalesce(jsonb_agg(to_jsonb(d) - 'phase')::text, '[]'), 'UTF8')
    FROM officesync.definitions((
        SELECT coalesce(array_agg(k.relation), '{}')
        FROM officesync.load_table t
        JOIN officesync.tracked k ON k.relation = to_regclass(format('%I.%I', t.schema_name, t.table_name))
        WHERE t.office = read_load_end.branch)) d
    WHERE d.phase = 'after rows'
$$;

-- answered_load_end(number, branch, request, answer): the branch has all rows. Called by: receive_answer.
-- Touches: load.
CREATE FUNCTION officesync.answered_load_end(number bigint, branch text, request jsonb, answer jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF answer ? 'failed' THEN
        PERFORM officesync.failed_load(branch, 'load_end', request, answer ->> 'failed');
        RETURN;
    END IF;
    UPDATE officesync.load l SET state = 'done', finished_at = clock_timestamp(), error = NULL
    WHERE l.office = answered_load_end.branch;
END
$$;

-- take_load_end(number, tick, body): at the branch, all rows are there: from this tick on changes are applied as
-- everywhere. Called by: take_reading. Touches: load, load_statement, load_taken.
CREATE FUNCTION officesync.take_load_end(number bigint, tick bigint, body bytea) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    here text := (officesync.this_office()).name;
BEGIN
    IF officesync.load_state() IS DISTINCT FROM 'rows' THEN
        RETURN '{}';
    END IF;
    INSERT INTO officesync.load_statement (office, nth, kind, schema, name, part, statement)
    SELECT here, s.nth, s.value ->> 'kind', s.value ->> 'schema', s.value ->> 'name', s.value ->> 'part', s.value ->> 'statement'
    FROM jsonb_array_elements(convert_from(take_load_end.body, 'UTF8')::jsonb) WITH ORDINALITY s (value, nth);
    UPDATE officesync.load l SET state = 'after rows', error = NULL WHERE l.office = here;
    RETURN '{}';
END
$$;

-- load_step(): at a branch whose rows are all there, makes the next index or constraint; after the last one the
-- tables are open to their users, and the branch has joined. Returns how many statements are left, NULL when there
-- is nothing to do. Called by: the branch's relay, again and again, as a transaction of its own.
-- Touches: load, load_statement, and whatever the statement makes.
CREATE FUNCTION officesync.load_step() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- What the head decides is not for event triggers here.
SET session_replication_role = replica
AS $$
DECLARE
    here   text := (officesync.this_office()).name;
    next   officesync.load_statement;
    loaded record;
BEGIN
    PERFORM FROM officesync.load l WHERE l.office = here AND l.state = 'after rows' FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT * INTO next FROM officesync.load_statement s WHERE s.office = here AND s.done_at IS NULL ORDER BY s.nth LIMIT 1;
    IF FOUND THEN
        BEGIN
            PERFORM officesync.define(next.kind, next.schema, next.name, next.part, next.statement);
        EXCEPTION WHEN OTHERS THEN
            IF SQLSTATE ~ '^(08|40|53|57|58)' OR SQLSTATE = '55P03' THEN
                RAISE;
            END IF;
            UPDATE officesync.load l SET error = format('%s: %s', next.statement, SQLERRM) WHERE l.office = here;
            RETURN (SELECT count(*) FROM officesync.load_statement s WHERE s.office = here AND s.done_at IS NULL);
        END;
        UPDATE officesync.load_statement s SET done_at = clock_timestamp() WHERE s.office = here AND s.nth = next.nth;
        UPDATE officesync.load l SET error = NULL WHERE l.office = here AND l.error IS NOT NULL;
        RETURN (SELECT count(*) FROM officesync.load_statement s WHERE s.office = here AND s.done_at IS NULL);
    END IF;
    FOR loaded IN SELECT k.* FROM officesync.load_table t
                  JOIN officesync.tracked k ON k.relation = to_regclass(format('%I.%I', t.schema_name, t.table_name))
                  WHERE t.office = here LOOP
        -- In this order, because partitions of what is tracked already are taken for new ones.
        DELETE FROM officesync.tracked k WHERE k.relation = loaded.relation;
        PERFORM officesync.create_triggers(loaded.relation, loaded.direction, officesync.scope_arguments(loaded.branch_column, loaded.branch_path));
        INSERT INTO officesync.tracked (relation, direction, tracked_by, branch_column, branch_path)
        VALUES (loaded.relation, loaded.direction, 'the head', loaded.branch_column, loaded.branch_path);
    END LOOP;
    DELETE FROM officesync.load_taken;
    UPDATE officesync.load l SET state = 'done', finished_at = clock_timestamp(), error = NULL WHERE l.office = here;
    RETURN 0;
END
$$;
