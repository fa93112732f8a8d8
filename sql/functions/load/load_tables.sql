-- read_load_tables(number, branch, request): at the head, the first reading of a load: which tables there are, and
-- the statements that make them. What is authored at branches only has no rows to be loaded.
-- Called by: read_next. Touches: load, load_table.
CREATE FUNCTION officesync.read_load_tables(number bigint, branch text, request jsonb) RETURNS bytea
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    told jsonb;
BEGIN
    DELETE FROM officesync.load_table t WHERE t.office = read_load_tables.branch;
    INSERT INTO officesync.load_table (office, nth, schema_name, table_name, direction, branch_column, branch_path, estimated_rows)
    SELECT read_load_tables.branch, row_number() OVER (ORDER BY t.direction = 'ledger' DESC, n.nspname, c.relname),
           n.nspname, c.relname, t.direction, t.branch_column, t.branch_path, CASE t.direction WHEN 'up' THEN 0 ELSE officesync.estimated_rows(c.oid) END
    FROM (SELECT t.relation, t.direction, t.branch_column, t.branch_path FROM officesync.tracked t
          -- Written at the head, known at every branch.
          UNION ALL VALUES ('officesync.policy'::regclass, 'ledger', NULL, NULL), ('officesync.conflicts', 'ledger', NULL, NULL)) t
    JOIN pg_class c ON c.oid = t.relation
    JOIN pg_namespace n ON n.oid = c.relnamespace;
    SELECT jsonb_build_object(
        'tables', (SELECT jsonb_agg(jsonb_build_object('nth', t.nth, 'schema', t.schema_name, 'table', t.table_name,
                                                       'direction', t.direction, 'branch_column', t.branch_column,
                                                       'branch_path', t.branch_path, 'rows', t.estimated_rows) ORDER BY t.nth)
                   FROM officesync.load_table t WHERE t.office = read_load_tables.branch),
        'bytes', (SELECT coalesce(sum(pg_table_size(p.relid)), 0) FROM officesync.tracked t
                  CROSS JOIN LATERAL pg_partition_tree(t.relation) p WHERE t.direction <> 'up'),
        'statements', coalesce((
            SELECT jsonb_agg(to_jsonb(d) - 'phase')
            FROM officesync.definitions((SELECT coalesce(array_agg(t.relation), '{}') FROM officesync.tracked t)) d
            WHERE d.phase = 'before rows'), '[]'),
        -- Each office draws ids of its own, from above all that were drawn alike.
        'sequences', coalesce((
            SELECT jsonb_agg(jsonb_build_object('schema', n.nspname, 'name', c.relname,
                                                'above', officesync.last_value_of(c.oid)))
            FROM officesync.tracked t
            CROSS JOIN LATERAL officesync.sequences_of(t.relation) s
            JOIN pg_class c ON c.oid = s.sequence
            JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_sequence q ON q.seqrelid = c.oid AND q.seqincrement = 1024
            WHERE t.direction = 'both' AND s.in_key), '[]'))
    INTO told;
    UPDATE officesync.load l
    SET error = NULL, estimated_bytes = (told ->> 'bytes')::bigint,
        estimated_rows = (SELECT sum(t.estimated_rows) FROM officesync.load_table t WHERE t.office = l.office)
    WHERE l.office = read_load_tables.branch;
    RETURN convert_to(told::text, 'UTF8');
END
$$;

-- estimated_rows(relation): how many rows a table with its partitions has, about. Called by: read_load_tables.
CREATE FUNCTION officesync.estimated_rows(relation oid) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    -- Never analyzed: as if a row had 100 bytes.
    SELECT coalesce(sum(CASE WHEN c.reltuples >= 0 AND c.relpages > 0 THEN c.reltuples / c.relpages * (pg_relation_size(c.oid) / 8192)
                             ELSE pg_relation_size(c.oid) / 100 END), 0)::bigint
    FROM (SELECT estimated_rows.relation AS oid UNION SELECT p.relid FROM pg_partition_tree(estimated_rows.relation) p) m
    JOIN pg_class c ON c.oid = m.oid AND c.relkind = 'r'
$$;

-- answered_load_tables(number, branch, request, answer): the branch has made the tables; their rows come next.
-- Called by: receive_answer. Touches: load, reading.
CREATE FUNCTION officesync.answered_load_tables(number bigint, branch text, request jsonb, answer jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF answer ? 'failed' THEN
        PERFORM officesync.failed_load(branch, 'load_tables', request, answer ->> 'failed');
        RETURN;
    END IF;
    UPDATE officesync.load l SET state = 'rows', started_at = clock_timestamp(), error = NULL
    WHERE l.office = answered_load_tables.branch AND l.state = 'asked';
    IF FOUND THEN
        PERFORM officesync.want_reading(branch, 'load_rows', officesync.next_chunk(branch, 0, NULL));
    END IF;
END
$$;

-- take_load_tables(number, tick, body): at the branch, makes the tables, and tracks them. Until all rows are there
-- nobody may write to them. Nothing is made unless this office has asked. Called by: take_reading.
-- Touches: load, load_table, tracked, schema_position, and whatever the statements make.
CREATE FUNCTION officesync.take_load_tables(number bigint, tick bigint, body bytea) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    here officesync.office := officesync.this_office();
    told jsonb := convert_from(take_load_tables.body, 'UTF8');
    item jsonb;
    state text := officesync.load_state();
BEGIN
    IF state IS DISTINCT FROM 'asked' THEN
        RETURN CASE WHEN state IS NULL THEN jsonb_build_object('failed', 'this branch has not asked to be loaded') ELSE '{}' END;
    END IF;
    BEGIN
        FOR item IN SELECT * FROM jsonb_array_elements(told -> 'tables') LOOP
            PERFORM officesync.require_empty(item ->> 'schema', item ->> 'table');
        END LOOP;
        FOR item IN SELECT * FROM jsonb_array_elements(told -> 'statements') LOOP
            PERFORM officesync.define(item ->> 'kind', item ->> 'schema', item ->> 'name', item ->> 'part', item ->> 'statement');
        END LOOP;
        FOR item IN SELECT * FROM jsonb_array_elements(told -> 'tables') LOOP
            INSERT INTO officesync.load_table (office, nth, schema_name, table_name, direction, branch_column, branch_path, estimated_rows)
            VALUES (here.name, (item ->> 'nth')::integer, item ->> 'schema', item ->> 'table', item ->> 'direction',
                    item ->> 'branch_column', item ->> 'branch_path',
                    (item ->> 'rows')::bigint);
            CONTINUE WHEN item ->> 'direction' = 'ledger';
            PERFORM officesync.track_loaded(format('%I.%I', item ->> 'schema', item ->> 'table')::regclass,
                                            item ->> 'direction', item ->> 'branch_column', item ->> 'branch_path');
        END LOOP;
        FOR item IN SELECT * FROM jsonb_array_elements(told -> 'sequences') LOOP
            PERFORM officesync.place_sequence(format('%I.%I', item ->> 'schema', item ->> 'name')::regclass,
                                              (item ->> 'above')::bigint, here.number);
        END LOOP;
    EXCEPTION WHEN OTHERS THEN
        RETURN officesync.load_failed(SQLSTATE, SQLERRM);
    END;
    UPDATE officesync.load l
    SET state = 'rows', started_at = clock_timestamp(), error = NULL, estimated_bytes = (told ->> 'bytes')::bigint,
        estimated_rows = (SELECT sum(t.estimated_rows) FROM officesync.load_table t WHERE t.office = l.office)
    WHERE l.office = here.name;
    -- Our tables are as the head's were at this tick.
    INSERT INTO officesync.schema_position AS p (tick) VALUES (take_load_tables.tick::text)
    ON CONFLICT (only_row) DO UPDATE SET tick = EXCLUDED.tick;
    PERFORM officesync.has_changed('officesync.outbox_turn');
    RETURN '{}';
END
$$;

-- require_empty(schema, table): raises an error where a table that is about to be loaded is there and has rows, or
-- is no table.
-- Called by: take_load_tables.
CREATE FUNCTION officesync.require_empty(schema text, "table" text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    relation regclass := to_regclass(format('%I.%I', schema, "table"));
    found_any boolean;
BEGIN
    IF relation IS NULL OR schema = 'officesync' THEN
        RETURN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = relation AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
                   AND schema NOT IN ('pg_catalog', 'information_schema', 'pg_toast')) THEN
        RAISE wrong_object_type USING
            MESSAGE = format('%s is something else at this office than the table it is at the head', relation),
            HINT = 'Rename it or drop it.';
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT FROM %s)', relation) INTO found_any;
    IF found_any THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('table %s has rows at this office already', relation),
            HINT = 'Empty it; or do not join, but track the tables and compare them with the head: officesync-relay verify.';
    END IF;
END
$$;

-- track_loaded(relation, direction, branch_column, branch_path): what track() does, for a table that is loaded: it is the head that says so.
-- Called by: take_load_tables. Touches: tracked, and the table's triggers.
CREATE FUNCTION officesync.track_loaded(relation regclass, direction text, branch_column text, branch_path text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF track_loaded.direction IS NULL OR track_loaded.direction NOT IN ('both', 'down', 'up') THEN
        RAISE invalid_parameter_value USING MESSAGE = format('%L is not a direction', track_loaded.direction);
    END IF;
    -- Only the head writes it for now.
    PERFORM officesync.create_triggers(relation, CASE track_loaded.direction WHEN 'up' THEN 'up' ELSE 'load' END,
                                       officesync.scope_arguments(track_loaded.branch_column, track_loaded.branch_path));
    INSERT INTO officesync.tracked (relation, direction, tracked_by, branch_column, branch_path)
    VALUES (relation, track_loaded.direction, 'the head', track_loaded.branch_column, track_loaded.branch_path);
END
$$;

-- last_value_of(sequence): where a sequence stands, also before it has given its first value. Called by:
-- read_load_tables, place_sequence.
CREATE FUNCTION officesync.last_value_of(sequence regclass) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_value bigint;
BEGIN
    EXECUTE format('SELECT s.last_value FROM %s s', sequence) INTO found_value;
    RETURN found_value;
END
$$;

-- place_sequence(sequence, above, number): lets it count on from above what all offices drew alike, in the place of
-- the office with that number. Called by: take_load_tables.
CREATE FUNCTION officesync.place_sequence(sequence regclass, above bigint, number integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM officesync.tracked t, officesync.sequences_of(t.relation) s
                   WHERE s.sequence = place_sequence.sequence AND s.in_key) THEN
        RAISE insufficient_privilege USING MESSAGE = format('%s is not the sequence of a tracked table''s key', sequence);
    END IF;
    IF number IS NULL THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = 'this branch has no number yet', HINT = 'The head gives it one when it welcomes the branch; try again then.';
    END IF;
    PERFORM setval(sequence, (greatest(above, officesync.last_value_of(sequence)) / 1024 + 1) * 1024 + number, false);
END
$$;

-- load_failed(sqlstate, problem): at the branch, keeps note of what went wrong, and tells the head; what passes by
-- itself is raised again. Called by: take_load_tables, take_load_rows, take_load_end. Touches: load.
CREATE FUNCTION officesync.load_failed(sqlstate text, problem text) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF load_failed.sqlstate ~ '^(08|40|53|57|58)' OR load_failed.sqlstate = '55P03' THEN
        RAISE EXCEPTION USING ERRCODE = load_failed.sqlstate, MESSAGE = problem;
    END IF;
    UPDATE officesync.load l SET error = problem FROM officesync.office o WHERE l.office = o.name;
    RETURN jsonb_build_object('failed', problem);
END
$$;
