-- The kind of reading 'ranges': digests of ranges of a table.
-- request: verification, schema, table; ranges: an array of {after, upto, part_rows}, or scan with after: the
-- next rows behind that key. Read, it also holds what was told: parts, an array of {after, upto, rows}.

-- read_ranges(...): at the head. The body names what is compared and how, and the parts with their digests.
CREATE FUNCTION officesync.read_ranges(number bigint, branch text, request jsonb) RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- So many rows are looked at in one go: some 30 ms.
    scan_rows CONSTANT bigint := 10000;
    about officesync.verified_table := officesync.verified_table(request);
    ranges jsonb := coalesce(request -> 'ranges', jsonb_build_array(jsonb_build_object(
        'after', request -> 'after', 'upto', NULL, 'part_rows', scan_rows)));
    parts  jsonb;
BEGIN
    IF about.finished_at IS NOT NULL THEN
        RETURN NULL;
    END IF;
    SELECT jsonb_agg(jsonb_build_object('after', p.after, 'upto', p.upto, 'rows', p.rows,
                                        -- Half of it does where a part of a part is looked at.
                                        'digest', left(p.digest, CASE WHEN request ? 'ranges' THEN 16 ELSE 32 END),
                                        'ended', p.ended) ORDER BY p.nth, p.part)
    INTO parts
    FROM (SELECT r.nth, d.part, d.upto, d.rows, d.digest, d.ended,
                 coalesce(lag(to_jsonb(d.upto)) OVER (PARTITION BY r.nth ORDER BY d.part), r.range -> 'after') AS after
          FROM jsonb_array_elements(ranges) WITH ORDINALITY AS r (range, nth)
          CROSS JOIN LATERAL officesync.range_digests(
              about.schema_name, about.table_name, about.columns, about.key,
              officesync.texts(r.range -> 'after'), officesync.texts(r.range -> 'upto'), about.plain_order,
              CASE WHEN about.key = '{}' THEN 9e18 ELSE (r.range ->> 'part_rows')::bigint END::bigint,
              CASE WHEN about.key = '{}' OR request ? 'ranges' THEN 9e18 ELSE scan_rows END::bigint, read_ranges.branch)
              WITH ORDINALITY AS d (upto, rows, digest, ended, part)) p;
    UPDATE officesync.reading r
    SET request = read_ranges.request || jsonb_build_object('parts',
        (SELECT jsonb_agg(p - 'digest') FROM jsonb_array_elements(parts) p))
    WHERE r.number = read_ranges.number;
    RETURN convert_to(jsonb_build_object(
        'schema', about.schema_name, 'table', about.table_name, 'columns', about.columns, 'key', about.key,
        'plain_order', about.plain_order,
        'order', officesync.key_order(about.schema_name, about.table_name, about.key),
        'parts', parts)::text, 'UTF8');
END
$$;

-- take_ranges(...): at a branch. The answer: unequal, the numbers (from 0) of the parts that differ here, with
-- the rows found (up to one more than the head has); or what stands in the way: untracked, columns (those both
-- have), order; pending: rows have no key here, and some have changes that the head has not decided on.
CREATE FUNCTION officesync.take_ranges(number bigint, tick bigint, body bytea) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    asked   jsonb := convert_from(body, 'UTF8')::jsonb;
    space   text := asked ->> 'schema';
    named   text := asked ->> 'table';
    shown   text[] := officesync.texts(asked -> 'columns');
    names   text[] := officesync.texts(asked -> 'key');
    here    text[] := officesync.verify_columns(space, named);
    unequal jsonb;
BEGIN
    IF here IS NULL THEN
        RETURN jsonb_build_object('untracked', true);
    ELSIF NOT here @> shown THEN
        RETURN jsonb_build_object('columns', (SELECT coalesce(jsonb_agg(c ORDER BY c), '[]')
                                              FROM unnest(shown) c WHERE c = ANY (here)));
    ELSIF NOT (asked ->> 'plain_order')::boolean
          AND asked ->> 'order' <> officesync.key_order(space, named, names) THEN
        RETURN jsonb_build_object('order', true);
    END IF;
    SELECT coalesce(jsonb_agg(jsonb_build_object('part', p.nth - 1, 'rows', d.rows) ORDER BY p.nth), '[]')
    INTO unequal
    FROM jsonb_array_elements(asked -> 'parts') WITH ORDINALITY AS p (part, nth)
    CROSS JOIN LATERAL officesync.range_digests(
        space, named, shown, names, officesync.texts(p.part -> 'after'), officesync.texts(p.part -> 'upto'),
        (asked ->> 'plain_order')::boolean, 9e18::bigint, (p.part ->> 'rows')::bigint + 1) d
    WHERE d.rows <> (p.part ->> 'rows')::bigint OR NOT starts_with(d.digest, p.part ->> 'digest');
    RETURN jsonb_build_object('unequal', unequal)
           || CASE WHEN names = '{}' AND unequal <> '[]' AND officesync.is_pending(space, named, '{}', '{}')
              THEN '{"pending": true}' ELSE '{}' END::jsonb;
END
$$;

-- answered_ranges(...): at the head. What differs is looked at more closely: in 16 parts, and where few rows are
-- left row by row; and the scan goes on.
CREATE FUNCTION officesync.answered_ranges(number bigint, branch text, request jsonb, answer jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    few   CONSTANT bigint := 20;
    about officesync.verified_table := officesync.verified_table(request);
    base  jsonb := request - 'ranges' - 'parts' - 'after';
    rest  interval := (SELECT v.rest FROM officesync.verification v WHERE v.id = about.verification);
    "last" jsonb := request -> 'parts' -> -1;
    wider jsonb;
    close jsonb;
BEGIN
    IF about.verification IS NULL OR about.finished_at IS NOT NULL THEN
        RETURN;
    END IF;
    IF answer ? 'untracked' OR (answer ? 'columns' AND NOT about.key <@ officesync.texts(answer -> 'columns')) THEN
        PERFORM officesync.finish_table(about, 'not tracked alike at the branch; see officesync.check()');
    ELSIF answer ? 'columns' OR answer ? 'order' OR answer ? 'pending' THEN
        PERFORM officesync.compare_otherwise(about, branch, answer);
    ELSE
        IF NOT request ? 'ranges' THEN
            UPDATE officesync.verified_table t SET rows = t.rows + ("last" ->> 'rows')::bigint
            WHERE (t.verification, t.schema_name, t.table_name) = (about.verification, about.schema_name, about.table_name);
            IF NOT ("last" ->> 'ended')::boolean THEN
                PERFORM officesync.want_reading(branch, 'ranges', base || jsonb_build_object('after', "last" -> 'upto'), rest);
            END IF;
        END IF;
        IF about.key = '{}' AND answer -> 'unequal' <> '[]' THEN
            PERFORM officesync.note_difference(about, branch, NULL, 'differs', NULL);
        ELSE
            SELECT jsonb_agg(p.part || jsonb_build_object('part_rows', ceil((p.part ->> 'rows')::numeric / 16)))
                       FILTER (WHERE (p.part ->> 'rows')::bigint > few),
                   jsonb_agg(p.part) FILTER (WHERE (p.part ->> 'rows')::bigint <= few)
            INTO wider, close
            FROM jsonb_array_elements(answer -> 'unequal') u
            CROSS JOIN LATERAL (SELECT request -> 'parts' -> (u ->> 'part')::integer AS part) p;
            IF wider IS NOT NULL THEN
                PERFORM officesync.want_reading(branch, 'ranges', base || jsonb_build_object('ranges', wider), rest);
            END IF;
            IF close IS NOT NULL THEN
                PERFORM officesync.want_reading(branch, 'rows', base || jsonb_build_object('ranges', close), rest);
            END IF;
        END IF;
    END IF;
    PERFORM officesync.go_on_verifying(about.verification);
END
$$;

-- failed_ranges(...): at the head.
CREATE FUNCTION officesync.failed_ranges(number bigint, branch text, request jsonb, problem text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    about officesync.verified_table := officesync.verified_table(request);
BEGIN
    PERFORM officesync.finish_table(about, problem);
    PERFORM officesync.go_on_verifying(about.verification);
END
$$;
