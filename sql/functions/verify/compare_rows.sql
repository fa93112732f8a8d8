-- The kind of reading 'rows': the keys of some rows, each with the row's hash.
-- request: verification, schema, table; ranges: an array of {after, upto}.

-- read_rows(...): at the head.
CREATE FUNCTION officesync.read_rows(number bigint, branch text, request jsonb) RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    about officesync.verified_table := officesync.verified_table(request);
BEGIN
    IF about.finished_at IS NOT NULL THEN
        RETURN NULL;
    END IF;
    RETURN convert_to(jsonb_build_object(
        'schema', about.schema_name, 'table', about.table_name, 'columns', about.columns, 'key', about.key,
        'plain_order', about.plain_order,
        -- Where the branch sends the rows themselves, they need not be in the answer.
        'keys_only', (SELECT v.mode = 'adopt' FROM officesync.verification v WHERE v.id = about.verification),
        'ranges', (SELECT jsonb_agg(jsonb_build_object(
                              'after', r -> 'after', 'upto', r -> 'upto',
                              'rows', (SELECT coalesce(jsonb_agg(to_jsonb(h.key) || to_jsonb(h.hash)), '[]')
                                       FROM officesync.range_rows(
                                           about.schema_name, about.table_name, about.columns, about.key,
                                           officesync.texts(r -> 'after'), officesync.texts(r -> 'upto'),
                                           about.plain_order, 20000, read_rows.branch) h)))
                   FROM jsonb_array_elements(request -> 'ranges') r))::text, 'UTF8');
END
$$;

-- take_rows(...): at a branch. differences: an array of {kind, key, there}. Where that would be too much at once:
-- rest, the number of the first range that was not looked at; and cut, a key that divides that range.
CREATE FUNCTION officesync.take_rows(number bigint, tick bigint, body bytea) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- So many rows more than the head has in one range, and about so many bytes in all.
    most       CONSTANT bigint := 500;
    most_bytes CONSTANT bigint := 2 * 1024 * 1024;
    asked jsonb   := convert_from(body, 'UTF8')::jsonb;
    space text    := asked ->> 'schema';
    named text    := asked ->> 'table';
    shown text[]  := officesync.texts(asked -> 'columns');
    names text[]  := officesync.texts(asked -> 'key');
    plain boolean := (asked ->> 'plain_order')::boolean;
    bytes bigint  := 0;
    told  jsonb[] := '{}';
    edges record;
    whole record;
    found record;
BEGIN
    FOR edges IN SELECT r.value -> 'rows' AS of_head, r.ordinality - 1 AS nth,
                        officesync.texts(r.value -> 'after') AS after, officesync.texts(r.value -> 'upto') AS upto
                 FROM jsonb_array_elements(asked -> 'ranges') WITH ORDINALITY r LOOP
        SELECT d.ended, d.upto INTO whole
        FROM officesync.range_digests(space, named, '{}', names, edges.after, edges.upto, plain, 9e18::bigint,
                                      jsonb_array_length(edges.of_head) + most) d;
        IF NOT whole.ended OR bytes > most_bytes THEN
            RETURN jsonb_build_object('differences', to_jsonb(told), 'rest', edges.nth)
                   || CASE WHEN whole.ended THEN '{}' ELSE jsonb_build_object('cut', whole.upto) END;
        END IF;
        FOR found IN
            SELECT coalesce(o.key, h.key) AS key, o.texts,
                   CASE WHEN o.key IS NULL THEN 'missing' WHEN h.key IS NULL THEN 'extra' ELSE 'differs' END AS kind
            FROM (SELECT officesync.texts(r - (-1)) AS key, r ->> -1 AS hash
                  FROM jsonb_array_elements(edges.of_head) r) h
            FULL JOIN officesync.range_rows(space, named, shown, names, edges.after, edges.upto, plain, 9e18::bigint) o
                ON o.key = h.key
            WHERE o.hash IS DISTINCT FROM h.hash
        LOOP
            CONTINUE WHEN officesync.is_pending(space, named, names, found.key);
            bytes := bytes + coalesce(octet_length(found.texts::text), 0);
            told := told || jsonb_build_object(
                'kind', found.kind, 'key', found.key,
                'there', CASE WHEN bytes < 2 * most_bytes AND NOT (asked ->> 'keys_only')::boolean THEN found.texts END);
        END LOOP;
    END LOOP;
    RETURN jsonb_build_object('differences', to_jsonb(told));
END
$$;

-- answered_rows(...): at the head.
CREATE FUNCTION officesync.answered_rows(number bigint, branch text, request jsonb, answer jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    about officesync.verified_table := officesync.verified_table(request);
    found jsonb;
    later jsonb;
    own   jsonb;
BEGIN
    IF about.verification IS NULL OR about.finished_at IS NOT NULL THEN
        RETURN;
    END IF;
    -- Rows that have to go come first: they may hold unique values of those that come.
    FOR found IN SELECT d FROM jsonb_array_elements(answer -> 'differences') d ORDER BY d ->> 'kind' <> 'extra' LOOP
        PERFORM officesync.note_difference(about, branch, officesync.texts(found -> 'key'), found ->> 'kind',
                                           officesync.texts(found -> 'there'));
    END LOOP;
    own := (SELECT jsonb_agg(d -> 'key') FROM jsonb_array_elements(answer -> 'differences') d
            WHERE d ->> 'kind' <> 'missing');
    IF own IS NOT NULL AND (SELECT v.mode FROM officesync.verification v WHERE v.id = about.verification) = 'adopt' THEN
        PERFORM officesync.want_reading(branch, 'push', request - 'ranges'
                                        || jsonb_build_object('key', about.key, 'rows', own));
    END IF;
    SELECT jsonb_agg(CASE WHEN side = 1 THEN r.value || jsonb_build_object('upto', answer -> 'cut')
                     WHEN side = 2 THEN r.value || jsonb_build_object('after', answer -> 'cut')
                     ELSE r.value END ORDER BY r.ordinality, side)
    INTO later
    FROM jsonb_array_elements(request -> 'ranges') WITH ORDINALITY r
    CROSS JOIN LATERAL unnest(CASE WHEN answer ? 'cut' AND r.ordinality - 1 = (answer ->> 'rest')::bigint
                              THEN '{1,2}' ELSE '{0}'::integer[] END) side
    WHERE r.ordinality - 1 >= (answer ->> 'rest')::bigint;
    IF later IS NOT NULL THEN
        PERFORM officesync.want_reading(branch, 'rows', request || jsonb_build_object('ranges', later));
    END IF;
    PERFORM officesync.go_on_verifying(about.verification);
END
$$;

-- failed_rows(...): at the head.
CREATE FUNCTION officesync.failed_rows(number bigint, branch text, request jsonb, problem text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT officesync.failed_ranges(number, branch, request, problem) $$;
