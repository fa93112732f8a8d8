-- texts(value): an array of texts; NULL for anything else.
CREATE FUNCTION officesync.texts(value jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN jsonb_typeof(value) = 'array' THEN ARRAY(SELECT e FROM jsonb_array_elements_text(value)
                                                             WITH ORDINALITY AS a (e, nth) ORDER BY nth) END
$$;

-- verified_table(request): the comparison that a reading is part of.
CREATE FUNCTION officesync.verified_table(request jsonb) RETURNS officesync.verified_table
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT t FROM officesync.verified_table t
    WHERE t.verification = (request ->> 'verification')::bigint
      AND t.schema_name = request ->> 'schema' AND t.table_name = request ->> 'table'
$$;

-- verify(office, table, mode, rest): at the head, begins to compare a branch (NULL: each of them) with the head,
-- table by table (NULL: all that both hold), while everyone works on. mode: report; repair (rows that differ are
-- sent again from the head, as ordinary changes); adopt (what the branch has and the head has not is sent from
-- the branch, as ordinary inserts, and so are rows that differ: the conflict policies decide). rest: a pause
-- before each look. Returns the numbers to ask verify_report() for. Called by: an operator, the relay's verify
-- command. Touches: verification, verified_table, reading.
CREATE FUNCTION officesync.verify(
    office text DEFAULT NULL, "table" text DEFAULT NULL, mode text DEFAULT 'report', rest interval DEFAULT '0')
RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    here  officesync.office := officesync.this_office();
    begun bigint;
    peer  text;
BEGIN
    PERFORM officesync.require_relay_or_administrator();
    IF here.role <> 'head' THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = 'offices are compared at the head',
            DETAIL = format('This is the branch "%s".', here.name),
            HINT = 'Run it at the head office.';
    END IF;
    IF verify.office IS NOT NULL THEN
        PERFORM officesync.require_peer(verify.office);
    END IF;
    IF verify.mode IS NULL OR verify.mode NOT IN ('report', 'repair', 'adopt') THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('%L is not a mode of verify()', verify.mode),
            HINT = 'report, repair or adopt.';
    END IF;
    IF verify."table" IS NOT NULL
       AND NOT EXISTS (SELECT FROM officesync.tables_named(verify."table")) THEN
        RAISE undefined_table USING
            MESSAGE = format('table %s is not tracked', verify."table"),
            HINT = 'SELECT * FROM officesync.tracked_tables lists those that are; name it with its schema.';
    END IF;
    FOR peer IN SELECT p.name FROM officesync.peer p WHERE p.name = coalesce(verify.office, p.name) ORDER BY 1 LOOP
        INSERT INTO officesync.verification (office, mode, whole, rest, requested_by)
        VALUES (peer, verify.mode, verify."table" IS NULL, coalesce(verify.rest, '0'),
                officesync.calling_role()::regrole::text)
        RETURNING id INTO begun;
        INSERT INTO officesync.verified_table (verification, schema_name, table_name)
        SELECT begun, n.schema_name, n.table_name FROM officesync.tables_named(verify."table") n;
        PERFORM officesync.parents_first(begun);
        PERFORM officesync.go_on_verifying(begun);
        RETURN NEXT begun;
    END LOOP;
    NOTIFY officesync_reading;
END
$$;

-- parents_first(verification): puts tables behind those that their foreign keys refer to: a branch that is adopted sends
-- its rows table by table, and a row without its parent would be a conflict. Called by: verify. Touches: verified_table.
CREATE FUNCTION officesync.parents_first(verification bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Longer chains are rare, and circles have no order.
    FOR nth IN 1 .. 20 LOOP
        UPDATE officesync.verified_table c SET place = nth
        FROM officesync.verified_table p, pg_constraint k
        WHERE c.verification = parents_first.verification AND p.verification = c.verification
          AND k.contype = 'f' AND k.conrelid <> k.confrelid AND p.place = nth - 1
          AND k.conrelid = to_regclass(format('%I.%I', c.schema_name, c.table_name))
          AND k.confrelid = to_regclass(format('%I.%I', p.schema_name, p.table_name));
        EXIT WHEN NOT FOUND;
    END LOOP;
END
$$;

-- tables_named(name): the tracked tables of that name, with or without a schema; NULL: all.
CREATE FUNCTION officesync.tables_named(name text) RETURNS TABLE (schema_name text, table_name text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT n.nspname, c.relname
    FROM officesync.tracked t JOIN pg_class c ON c.oid = t.relation JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE tables_named.name IS NULL
       OR tables_named.name IN (c.relname, concat(n.nspname, '.', c.relname), format('%I.%I', n.nspname, c.relname))
$$;

-- require_relay_or_administrator(): raises an error unless the caller may run the relay here, or more.
CREATE FUNCTION officesync.require_relay_or_administrator() RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT has_function_privilege(officesync.calling_role(), 'officesync.prune()', 'EXECUTE') THEN
        PERFORM officesync.require_administrator();
    END IF;
END
$$;

-- go_on_verifying(verification): where nothing of it is to be read or awaited, its table is done with, and the
-- next one begins. Called by: verify, and the kinds of readings of it. Touches: as verify; peer at the end.
CREATE FUNCTION officesync.go_on_verifying(verification bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    whole officesync.verification;
    next  officesync.verified_table;
    way   text;
BEGIN
    SELECT * INTO whole FROM officesync.verification v
    WHERE v.id = go_on_verifying.verification AND v.finished_at IS NULL FOR UPDATE;
    IF NOT FOUND OR EXISTS (SELECT FROM officesync.reading r
                            WHERE r.branch = whole.office AND (r.request ->> 'verification')::bigint = whole.id) THEN
        RETURN;
    END IF;
    UPDATE officesync.verified_table t SET finished_at = clock_timestamp()
    WHERE t.verification = whole.id AND t.columns IS NOT NULL AND t.finished_at IS NULL;
    LOOP
        SELECT * INTO next FROM officesync.verified_table t
        WHERE t.verification = whole.id AND t.finished_at IS NULL
        ORDER BY t.place, t.schema_name, t.table_name LIMIT 1;
        IF NOT FOUND THEN
            UPDATE officesync.verification v SET finished_at = clock_timestamp() WHERE v.id = whole.id;
            UPDATE officesync.peer p
            SET verified_at = clock_timestamp(),
                differences = (SELECT count(*) FROM officesync.difference d WHERE d.verification = whole.id)
            WHERE p.name = whole.office AND whole.whole;
            RETURN;
        END IF;
        way := (SELECT t.direction FROM officesync.tracked t
                WHERE t.relation = to_regclass(format('%I.%I', next.schema_name, next.table_name)));
        IF way IS NULL OR way = 'up' THEN
            PERFORM officesync.finish_table(next, CASE WHEN way IS NULL THEN 'not tracked any more'
                ELSE 'not compared: it is collected at the head, and a branch has its own rows only' END);
        ELSE
            UPDATE officesync.verified_table t
            SET columns = coalesce(t.columns, officesync.verify_columns(next.schema_name, next.table_name)),
                key = officesync.verify_key(next.schema_name, next.table_name)
            WHERE t.verification = whole.id AND (t.schema_name, t.table_name) = (next.schema_name, next.table_name);
            PERFORM officesync.want_reading(whole.office, 'ranges', jsonb_build_object(
                'verification', whole.id, 'schema', next.schema_name, 'table', next.table_name, 'after', NULL),
                whole.rest);
            RETURN;
        END IF;
    END LOOP;
END
$$;

-- finish_table(about, problem): ends the comparison of a table before its time. Called by: the kinds of readings.
CREATE FUNCTION officesync.finish_table(about officesync.verified_table, problem text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
    DELETE FROM officesync.reading r
    WHERE (r.request ->> 'verification')::bigint = about.verification AND r.sent_tick IS NULL
      AND r.request ->> 'schema' = about.schema_name AND r.request ->> 'table' = about.table_name;
    UPDATE officesync.verified_table t SET finished_at = clock_timestamp(), problem = finish_table.problem
    WHERE t.verification = about.verification
      AND (t.schema_name, t.table_name) = (about.schema_name, about.table_name)
$$;

-- compare_otherwise(about, branch, answer): begins a table anew as the branch's answer demands: with the columns
-- both have, with keys byte by byte, or a little later. Called by: answered_ranges.
CREATE FUNCTION officesync.compare_otherwise(about officesync.verified_table, branch text, answer jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF about.tries >= 60 THEN
        PERFORM officesync.finish_table(about, 'not compared: its rows have no key, and changes of the branch were waiting all the time');
        RETURN;
    END IF;
    UPDATE officesync.verified_table t
    SET columns = coalesce(officesync.texts(answer -> 'columns'), t.columns),
        plain_order = t.plain_order OR answer ? 'order', rows = 0, tries = t.tries + 1,
        problem = CASE WHEN answer ? 'columns' THEN format('only at the head: %s', (
            SELECT string_agg(c, ', ') FROM unnest(t.columns) c
            WHERE NOT c = ANY (officesync.texts(answer -> 'columns')))) ELSE t.problem END
    WHERE t.verification = about.verification
      AND (t.schema_name, t.table_name) = (about.schema_name, about.table_name);
    PERFORM officesync.want_reading(branch, 'ranges', jsonb_build_object(
        'verification', about.verification, 'schema', about.schema_name, 'table', about.table_name, 'after', NULL),
        CASE WHEN answer ? 'pending' THEN interval '1 second' ELSE '0' END);
END
$$;

-- verify_report(verifications): how far they are and what they found, one JSON object: finished; offices, each
-- with its tables and up to 1000 of its differences. Called by: the relay's verify command.
CREATE FUNCTION officesync.verify_report(verifications bigint[]) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object(
        'finished', coalesce(bool_and(v.finished_at IS NOT NULL), true),
        'offices', coalesce(jsonb_agg(jsonb_build_object(
            'verification', v.id, 'office', v.office, 'mode', v.mode,
            'requested_at', v.requested_at, 'finished_at', v.finished_at,
            'last_seen_at', (SELECT p.last_seen_at FROM officesync.peer p WHERE p.name = v.office),
            'differences', (SELECT count(*) FROM officesync.difference d WHERE d.verification = v.id),
            'repaired', (SELECT count(d.repaired_at) FROM officesync.difference d WHERE d.verification = v.id),
            'tables', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'table', format('%I.%I', t.schema_name, t.table_name), 'rows', t.rows,
                'finished', t.finished_at IS NOT NULL, 'problem', t.problem,
                'differences', (SELECT count(*) FROM officesync.difference d WHERE d.verification = v.id
                                AND (d.schema_name, d.table_name) = (t.schema_name, t.table_name)))
                ORDER BY t.schema_name, t.table_name), '[]')
                FROM officesync.verified_table t WHERE t.verification = v.id),
            'rows', (SELECT coalesce(jsonb_agg(r.row ORDER BY r.id), '[]') FROM (
                SELECT d.id, jsonb_build_object('table', format('%I.%I', d.schema_name, d.table_name), 'key', d.key,
                       'kind', d.kind, 'there', d.there, 'repaired', d.repaired_at IS NOT NULL) AS row
                FROM officesync.difference d WHERE d.verification = v.id ORDER BY d.id LIMIT 1000) r))
            ORDER BY v.id), '[]'))
    FROM officesync.verification v WHERE v.id = ANY (verify_report.verifications)
$$;
