-- note_difference(about, branch, key, kind, there): a row differs; it is noted, and settled as the comparison's
-- mode says. there: the branch's texts, in the order of the columns compared. Called by: answered_ranges,
-- answered_rows. Touches: difference, reading, outbox.
CREATE FUNCTION officesync.note_difference(
    about officesync.verified_table, branch text, key text[], kind text, there text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms'
AS $$
DECLARE
    way     text := (SELECT v.mode FROM officesync.verification v WHERE v.id = about.verification);
    named   jsonb := CASE WHEN key IS NOT NULL THEN officesync.object(about.key, key) END;
    found   bigint;
    columns text[] := officesync.verify_columns(about.schema_name, about.table_name);
    stands  text[];
BEGIN
    IF kind IS NULL OR kind NOT IN ('missing', 'extra', 'differs') OR cardinality(key) <> cardinality(about.key) THEN
        RAISE invalid_parameter_value USING MESSAGE = format('an answer of office "%s" makes no sense', branch);
    END IF;
    INSERT INTO officesync.difference (verification, office, schema_name, table_name, key, kind, there)
    VALUES (about.verification, branch, about.schema_name, about.table_name, named, kind,
            CASE WHEN cardinality(there) = cardinality(about.columns) THEN officesync.object(about.columns, there) END)
    RETURNING id INTO found;
    IF way = 'report' OR key IS NULL THEN
        RETURN;
    END IF;
    IF way = 'adopt' AND kind <> 'missing' THEN
        -- Asked for together with the others of this answer, by answered_rows.
        NULL;
    ELSE
        IF kind = 'extra' THEN
            -- So that nobody adds that very row while all are told that there is none.
            EXECUTE format('LOCK TABLE %I.%I IN SHARE MODE', about.schema_name, about.table_name);
        END IF;
        stands := officesync.tell_row(about.schema_name, about.table_name, about.key, key, kind = 'extra', branch);
    END IF;
    UPDATE officesync.difference d
    SET here = officesync.object(columns, stands), repaired_at = clock_timestamp()
    WHERE d.id = found;
EXCEPTION WHEN lock_not_available THEN
    -- It stays a difference; the next comparison finds it again.
    INSERT INTO officesync.difference (verification, office, schema_name, table_name, key, kind, there)
    VALUES (about.verification, branch, about.schema_name, about.table_name, named, kind,
            officesync.object(about.columns, there));
END
$$;

-- object(names, values): an object of texts; NULL where there are no values.
CREATE FUNCTION officesync.object(names text[], "values" text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_object_agg(o.name, o.value)
    FROM unnest(names, "values") AS o (name, value) WHERE o.name IS NOT NULL
$$;

-- The kind of reading 'push': the branch is to send rows of its own, as inserts. request: schema, table, key, rows:
-- the keys of them. Answer: left, the keys of those it may not send.
CREATE FUNCTION officesync.read_push(number bigint, branch text, request jsonb) RETURNS bytea
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT convert_to((request - 'verification')::text, 'UTF8') $$;

CREATE FUNCTION officesync.take_push(number bigint, tick bigint, body bytea) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    asked jsonb  := convert_from(body, 'UTF8')::jsonb;
    names text[] := officesync.texts(asked -> 'key');
    row   jsonb;
    sent  boolean;
    left_here jsonb[] := '{}';
BEGIN
    FOR row IN SELECT r FROM jsonb_array_elements(asked -> 'rows') r LOOP
        -- What has been changed here since then travels by itself.
        CONTINUE WHEN officesync.is_pending(asked ->> 'schema', asked ->> 'table', names, officesync.texts(row));
        sent := officesync.push_row(asked ->> 'schema', asked ->> 'table', names, officesync.texts(row));
        IF NOT sent THEN
            left_here := left_here || row;
        END IF;
    END LOOP;
    RETURN jsonb_build_object('left', to_jsonb(left_here));
END
$$;

-- answered_push(...): at the head. What the branch may not send, since it is not its own, differs still. Touches: difference.
CREATE FUNCTION officesync.answered_push(number bigint, branch text, request jsonb, answer jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    asked CONSTANT bigint := (request ->> 'verification')::bigint;
BEGIN
    UPDATE officesync.difference d SET repaired_at = NULL
    FROM jsonb_array_elements(answer -> 'left') l
    WHERE d.verification = asked AND (d.schema_name, d.table_name) = (request ->> 'schema', request ->> 'table')
      AND d.key = officesync.object(officesync.texts(request -> 'key'), officesync.texts(l));
    PERFORM officesync.go_on_verifying(asked);
END
$$;

CREATE FUNCTION officesync.failed_push(number bigint, branch text, request jsonb, problem text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT officesync.failed_ranges(number, branch, request, problem) $$;

-- push_row(schema, table, key, values): at a branch, sends the row with that key as an insert of this office; whether
-- it is the branch's own, NULL where there is none. Called by: take_push. Touches: outbox.
CREATE FUNCTION officesync.push_row(schema text, "table" text, key text[], "values" text[]) RETURNS boolean
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'push_row_wrapper';
