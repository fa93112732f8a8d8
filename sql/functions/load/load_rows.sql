-- A chunk is asked for as {"nth": table, "leaf": partition (or the table itself), "key": columns, "types": theirs,
-- "after": key, "until": key}: the rows of that partition behind the one key, up to and with the other, in the
-- order of the key. Without until, which a chunk gets when it is read for the first time, as many as fit. A table
-- without a certain key is one chunk. Also in it, once it was read: rows, bytes, again (how often it was read anew);
-- due: when the rate lets it go; rest: what had no place in a chunk that was read again.

-- next_chunk(branch, nth, leaf): where the rows go on behind that partition of the table nth; NULL: nowhere.
-- Called by: answered_load_tables, read_load_rows. Touches nothing.
CREATE FUNCTION officesync.next_chunk(branch text, nth integer, leaf oid) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH leaves AS (
        SELECT t.nth, c.oid AS root, m.oid AS leaf
        FROM officesync.load_table t
        JOIN pg_class c ON c.oid = to_regclass(format('%I.%I', t.schema_name, t.table_name))
        CROSS JOIN LATERAL (SELECT c.oid UNION SELECT p.relid FROM pg_partition_tree(c.oid) p) m
        -- A partitioned table itself has no rows; it is among them because it may have no partition.
        JOIN pg_class l ON l.oid = m.oid AND (l.relkind = 'r' OR l.oid = c.oid)
        WHERE t.office = next_chunk.branch AND t.direction <> 'up'
          AND (t.nth > next_chunk.nth OR t.nth = next_chunk.nth AND m.oid > next_chunk.leaf)
        ORDER BY t.nth, m.oid LIMIT 1
    )
    SELECT jsonb_build_object('nth', l.nth, 'leaf', l.leaf::bigint) || coalesce(k.key, '{}')
    FROM leaves l
    LEFT JOIN LATERAL (
        SELECT jsonb_build_object(
                   'key', jsonb_agg(a.attname ORDER BY i.nth),
                   'types', jsonb_agg(format_type(a.atttypid, NULL) ORDER BY i.nth),
                   'columns', jsonb_agg(quote_ident(a.attname) || officesync.collation_clause(i.sorted_by, a.attcollation)
                                        ORDER BY i.nth),
                   -- Where the operators of its types lie.
                   'path', (SELECT string_agg(DISTINCT quote_ident(n.nspname), ', ') FROM unnest(min(i.classes)) o (oid)
                            JOIN pg_opclass p ON p.oid = o.oid JOIN pg_namespace n ON n.oid = p.opcnamespace
                            WHERE n.nspname <> 'pg_catalog')) AS key
        FROM (SELECT x.indrelid, x.indclass::oid[] AS classes, n.*
              FROM pg_index x
              JOIN pg_class r ON r.oid = x.indrelid
              CROSS JOIN LATERAL unnest(x.indkey::int2[], x.indcollation::oid[])
                   WITH ORDINALITY n (attnum, sorted_by, nth)
              WHERE x.indrelid = l.root AND x.indimmediate AND x.indisvalid AND n.nth <= x.indnkeyatts
                AND CASE r.relreplident WHEN 'd' THEN x.indisprimary WHEN 'i' THEN x.indisreplident ELSE false END) i
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.attnum
        HAVING count(*) > 0) k ON true
$$;

-- chunk_query(branch, root, request): the statement that reads a chunk of what the branch gets of a table; its parameters are the texts of after, then of until.
-- Called by: read_load_rows.
CREATE FUNCTION officesync.chunk_query(branch text, root regclass, request jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH key AS (
        SELECT string_agg(c.name, ', ' ORDER BY c.nth) AS columns, count(*) AS width,
               string_agg(format('officesync.input($%s, NULL::%s[])', c.nth, t.name), ', ' ORDER BY c.nth) AS first,
               string_agg(format('officesync.input($%s, NULL::%s[])',
                                 c.nth + CASE WHEN request ? 'after' THEN jsonb_array_length(request -> 'key') ELSE 0 END,
                                 t.name), ', ' ORDER BY c.nth) AS second
        FROM jsonb_array_elements_text(request -> 'columns') WITH ORDINALITY c (name, nth)
        JOIN jsonb_array_elements_text(request -> 'types') WITH ORDINALITY t (name, nth) ON t.nth = c.nth
    )
    SELECT format('SELECT %s FROM ONLY %s AS t%s%s',
                  (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
                   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''),
                  c.oid::regclass,
                  coalesce(' WHERE ' || nullif(concat_ws(' AND ',
                      CASE WHEN request ? 'after' THEN format('(%s) > (%s)', key.columns, key.first) END,
                      CASE WHEN request ? 'until' THEN format('(%s) <= (%s)', key.columns, key.second) END,
                      officesync.scope_condition(chunk_query.root, chunk_query.branch)), ''), ''),
                  CASE WHEN key.width > 0 THEN ' ORDER BY ' || key.columns ELSE '' END)
    FROM key, pg_class c WHERE c.oid = (request ->> 'leaf')::oid
$$;

-- encode_rows(query, path, leaf, root, key, parameters, max_bytes): the rows that the query gives, as one line of the
-- wire format, until they have that many bytes (0: all); how many; the texts of the last one's key; and whether
-- there are more; and which part of the time it was kept waiting for a processor. With the rights of the table's owner. Called by: read_load_rows.
CREATE FUNCTION officesync.encode_rows(
    query text, path text, leaf oid, root oid, key text[], parameters text[], max_bytes bigint)
RETURNS TABLE (line bytea, rows bigint, last text, more boolean, waited float8)
LANGUAGE c SET search_path = pg_catalog, pg_temp
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET max_parallel_workers_per_gather = 0
AS 'MODULE_PATHNAME', 'encode_rows_wrapper';

-- read_load_rows(number, branch, request): at the head, the next chunk of rows, and the wish for the one behind it.
-- Called by: read_next. Touches: reading, load_waiting.
CREATE FUNCTION officesync.read_load_rows(number bigint, branch text, request jsonb) RETURNS bytea
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- So many chunks may be on their way.
    ahead    CONSTANT integer := 16;
    whole    CONSTANT boolean := NOT request ? 'key';
    -- What can't be cut has to fit a message.
    largest  CONSTANT bigint := 32 * 1024 * 1024;
    bounds   text[];
    root     oid;
    loaded   officesync.load_table;
    chunk    record;
    behind   jsonb;
    now      CONSTANT numeric := extract(epoch FROM clock_timestamp());
    pause    numeric;
    -- When the next one may go.
    due      numeric;
    rest     numeric := 0;
BEGIN
    SELECT t.* INTO loaded FROM officesync.load_table t
    WHERE t.office = read_load_rows.branch AND t.nth = (request ->> 'nth')::integer;
    root := to_regclass(format('%I.%I', loaded.schema_name, loaded.table_name));
    SELECT array_agg(b.text ORDER BY b.side, b.nth) INTO bounds
    FROM (SELECT 1, a.nth, a.text FROM jsonb_array_elements_text(request -> 'after') WITH ORDINALITY a (text, nth)
          UNION ALL
          SELECT 2, u.nth, u.text FROM jsonb_array_elements_text(request -> 'until') WITH ORDINALITY u (text, nth)) b (side, nth, text);
    SELECT e.* INTO chunk FROM officesync.encode_rows(
        officesync.chunk_query(branch, root, request), request ->> 'path', (request ->> 'leaf')::oid, root,
        ARRAY(SELECT jsonb_array_elements_text(request -> 'key')), coalesce(bounds, '{}'),
        CASE WHEN whole THEN largest ELSE officesync.load_setting('load_chunk_bytes', '2MB')
             -- Read again it may hold more than it did.
             * CASE WHEN request ? 'read' OR request ? 'until' THEN 4 ELSE 1 END END) e
    -- A partition may be gone by now.
    WHERE EXISTS (SELECT FROM pg_class c WHERE c.oid = (request ->> 'leaf')::oid);
    IF whole AND chunk.more THEN
        RAISE program_limit_exceeded USING
            MESSAGE = format('table %s has no certain key and more than 32 MB of rows: it can''t be loaded', root::regclass),
            HINT = 'Give it a primary key at the head, and let the branch ask again.';
    END IF;
    IF chunk.more AND (request ? 'read' OR request ? 'until') THEN
        -- Far more has come into the range: the rest of it goes by itself, and nothing follows it.
        PERFORM officesync.want_reading(branch, 'load_rows',
            (request - ARRAY['read', 'rows', 'bytes', 'again']) || jsonb_build_object('after', chunk.last::jsonb, 'rest', true));
        UPDATE officesync.reading r SET request = r.request || jsonb_build_object('read', true, 'until', chunk.last::jsonb)
        WHERE r.number = read_load_rows.number;
    ELSIF request ? 'rest' THEN
        UPDATE officesync.reading r SET request = r.request || '{"read": true}' WHERE r.number = read_load_rows.number;
    ELSIF NOT request ? 'read' THEN
        -- Read for the first time: from here on it ends here, and the next one begins.
        UPDATE officesync.reading r
        SET request = r.request || jsonb_build_object('read', true, 'rows', coalesce(chunk.rows, 0), 'bytes', coalesce(octet_length(chunk.line), 0))
            || CASE WHEN chunk.more THEN jsonb_build_object('until', chunk.last::jsonb) ELSE '{}' END
        WHERE r.number = read_load_rows.number;
        behind := CASE WHEN chunk.more THEN request || jsonb_build_object('after', chunk.last::jsonb)
                       ELSE officesync.next_chunk(branch, loaded.nth, (request ->> 'leaf')::oid) END;
        pause := officesync.load_pause(
            octet_length(chunk.line), extract(epoch FROM clock_timestamp()) - now, chunk.waited);
        IF pause > 0 THEN
            due := greatest((request ->> 'due')::numeric, now) + pause;
            behind := behind || jsonb_build_object('due', due);
            -- The relay looks every half second: so much at once.
            rest := CASE WHEN due > now + 0.5 THEN due - now ELSE 0 END;
        END IF;
        IF behind IS NULL THEN
            NULL;
        ELSIF (SELECT count(*) FROM officesync.reading r WHERE r.branch = read_load_rows.branch AND r.kind = 'load_rows') <= ahead THEN
            PERFORM officesync.want_reading(branch, 'load_rows', behind, rest * interval '1 second');
        ELSE
            INSERT INTO officesync.load_waiting (office, kind, request, failed) VALUES (branch, 'load_rows', behind, false);
        END IF;
    END IF;
    IF request ? 'read' THEN
        UPDATE officesync.reading r
        SET request = r.request || jsonb_build_object('again', coalesce((r.request ->> 'again')::integer, 0) + 1)
        WHERE r.number = read_load_rows.number;
    END IF;
    RETURN convert_to(jsonb_build_object('nth', loaded.nth, 'whole', whole)::text || E'\n', 'UTF8') || coalesce(chunk.line, '');
END
$$;

-- answered_load_rows(number, branch, request, answer): the branch has taken a chunk; there is room for another, or
-- all are there. Called by: receive_answer. Touches: load, load_table, load_waiting, reading.
CREATE FUNCTION officesync.answered_load_rows(number bigint, branch text, request jsonb, answer jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    waiting officesync.load_waiting;
BEGIN
    IF answer ? 'failed' THEN
        PERFORM officesync.failed_load(branch, 'load_rows', request, answer ->> 'failed');
        RETURN;
    END IF;
    -- What a crash takes back of this is read again.
    PERFORM set_config('synchronous_commit', 'off', true);
    UPDATE officesync.load_table t
    SET begun = true, rows = t.rows + coalesce((request ->> 'rows')::bigint, 0), bytes = t.bytes + coalesce((request ->> 'bytes')::bigint, 0)
    WHERE t.office = answered_load_rows.branch AND t.nth = (request ->> 'nth')::integer;
    UPDATE officesync.load l
    SET chunks = l.chunks + 1, chunks_again = l.chunks_again + coalesce((request ->> 'again')::integer, 0),
        rows = l.rows + coalesce((request ->> 'rows')::bigint, 0), bytes = l.bytes + coalesce((request ->> 'bytes')::bigint, 0),
        error = NULL
    WHERE l.office = answered_load_rows.branch;
    DELETE FROM officesync.load_waiting w
    WHERE w.id = (SELECT min(x.id) FROM officesync.load_waiting x WHERE x.office = answered_load_rows.branch AND NOT x.failed)
    RETURNING w.* INTO waiting;
    IF FOUND THEN
        PERFORM officesync.want_reading(branch, waiting.kind, waiting.request);
    ELSIF NOT EXISTS (SELECT FROM officesync.reading r WHERE r.branch = answered_load_rows.branch AND r.kind IN ('load_rows', 'load_end'))
          AND NOT EXISTS (SELECT FROM officesync.load_waiting w WHERE w.office = answered_load_rows.branch) THEN
        PERFORM officesync.want_reading(branch, 'load_end', '{}');
    END IF;
END
$$;

-- put_rows(line): writes the rows of a line of the wire format over what is there, key by key. Returns how many. Called by: take_load_rows. Touches: the tracked tables.
CREATE FUNCTION officesync.put_rows(line bytea) RETURNS bigint
LANGUAGE c STRICT SET search_path = pg_catalog, pg_temp
-- As for apply(), which writes by the same means.
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
AS 'MODULE_PATHNAME', 'put_rows_wrapper';

-- take_load_rows(number, tick, body): at the branch, takes a chunk. Called by: take_reading.
-- Touches: load, load_table, load_taken, the tracked tables.
CREATE FUNCTION officesync.take_load_rows(number bigint, tick bigint, body bytea) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    here  text := (officesync.this_office()).name;
    cut   integer := position('\x0a'::bytea IN take_load_rows.body);
    head  jsonb := convert_from(substr(take_load_rows.body, 1, cut), 'UTF8');
    line  bytea := substr(take_load_rows.body, cut + 1);
    taken bigint := 0;
BEGIN
    IF officesync.load_state() IS DISTINCT FROM 'rows' THEN
        RETURN jsonb_build_object('failed', 'this branch is not being loaded');
    END IF;
    BEGIN
        PERFORM officesync.mark_applied(p.name, p.incarnation, take_load_rows.tick) FROM officesync.peer p WHERE p.role = 'head';
        IF (head ->> 'whole')::boolean THEN
            EXECUTE (SELECT format('TRUNCATE ONLY %s', k.relation) FROM officesync.load_table t
                     JOIN officesync.tracked k ON k.relation = to_regclass(format('%I.%I', t.schema_name, t.table_name))
                     WHERE t.office = here AND t.nth = (head ->> 'nth')::integer);
        END IF;
        IF octet_length(line) > 0 THEN
            taken := officesync.put_rows(line);
        END IF;
    EXCEPTION WHEN OTHERS THEN
        RETURN officesync.load_failed(SQLSTATE, SQLERRM);
    END;
    INSERT INTO officesync.load_taken (number, tick) VALUES (take_load_rows.number, take_load_rows.tick);
    UPDATE officesync.load_table t SET begun = true, rows = t.rows + taken, bytes = t.bytes + octet_length(line)
    WHERE t.office = here AND t.nth = (head ->> 'nth')::integer;
    UPDATE officesync.load l
    SET chunks = l.chunks + 1, rows = l.rows + taken, bytes = l.bytes + octet_length(line), error = NULL
    WHERE l.office = here;
    RETURN '{}';
END
$$;

-- load_answers(): the chunks that were taken here last: a relay that has died may not have said so. Called by: the
-- branch's relay, when it is welcomed. Touches nothing.
CREATE FUNCTION officesync.load_answers() RETURNS TABLE (number bigint, tick bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT t.number, t.tick FROM officesync.load_taken t ORDER BY t.taken_at DESC LIMIT 64
$$;
