-- Rows read in chunks by their key, and put back, whatever is there.
\set SHOW_CONTEXT never
CREATE SCHEMA kinds; CREATE EXTENSION citext SCHEMA kinds;
CREATE TABLE items (id bigint PRIMARY KEY, name text, at timestamptz, amount numeric, list int[], dropped int, twice bigint GENERATED ALWAYS AS (id * 2) STORED);
ALTER TABLE items DROP dropped;
INSERT INTO items SELECT i * 7, repeat('x"\' || i, i % 9), '2024-01-01 00:00+00'::timestamptz + i * interval '1 hour', i / 3.0, ARRAY[i, NULL] FROM generate_series(1, 3000) i;
CREATE TABLE pairs (note text, b int, a text COLLATE "C", x float8, PRIMARY KEY (a, b));
INSERT INTO pairs SELECT 'n' || i, i % 50, chr(65 + i % 20) || '''"' || i / 50 % 7, i / 3.0::float8 FROM generate_series(1, 5000) i ON CONFLICT DO NOTHING;
CREATE TABLE words (word kinds.citext, day date, PRIMARY KEY (word, day));
INSERT INTO words SELECT CASE WHEN i % 2 = 0 THEN upper(md5(i::text)) ELSE md5(i::text) END, '2024-02-01'::date + i % 9 FROM generate_series(1, 1500) i;
CREATE TABLE visits (day date, who int, note text, PRIMARY KEY (who, day)) PARTITION BY RANGE (day);
CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
CREATE TABLE visits_2 (note text, who int NOT NULL, day date NOT NULL);
ALTER TABLE visits ATTACH PARTITION visits_2 FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
INSERT INTO visits SELECT '2024-01-01'::date + i % 60, i, 'v' || i FROM generate_series(1, 1200) i;
CREATE TABLE whole (a int, b text); ALTER TABLE whole REPLICA IDENTITY FULL;
INSERT INTO whole SELECT i % 3, 'w' FROM generate_series(1, 100) i;
CREATE TABLE empty (id int PRIMARY KEY);
SELECT officesync.track(t) FROM unnest(ARRAY['items', 'pairs', 'words', 'visits', 'whole', 'empty']::regclass[]) t;
-- As read_load_rows does it, without the readings around.
INSERT INTO officesync.load (office) VALUES ('nice');
INSERT INTO officesync.load_table (office, nth, schema_name, table_name, direction, estimated_rows)
SELECT 'nice', row_number() OVER (ORDER BY c.relname), 'public', c.relname, t.direction, officesync.estimated_rows(c.oid)
FROM officesync.tracked t JOIN pg_class c ON c.oid = t.relation;
SELECT table_name, estimated_rows > 50 AS some FROM officesync.load_table WHERE office = 'nice' ORDER BY nth;
CREATE TABLE chunks (n serial, request jsonb, line bytea, rows bigint, last text, more boolean);
CREATE FUNCTION read_chunk(request jsonb, max bigint) RETURNS chunks LANGUAGE plpgsql AS $$
DECLARE got chunks;
BEGIN
    SELECT NULL, request, e.* INTO got FROM officesync.encode_rows(officesync.chunk_query('nice', NULL, request), request ->> 'path', (request ->> 'leaf')::oid,
        (SELECT to_regclass(format('%I.%I', t.schema_name, t.table_name)) FROM officesync.load_table t WHERE t.office = 'nice' AND t.nth = (request ->> 'nth')::int),
        ARRAY(SELECT jsonb_array_elements_text(request -> 'key')),
        ARRAY(SELECT jsonb_array_elements_text(request -> 'after')) || ARRAY(SELECT jsonb_array_elements_text(request -> 'until')), max) e;
    RETURN got;
END $$;
CREATE PROCEDURE read_all() LANGUAGE plpgsql AS $$
DECLARE next jsonb := officesync.next_chunk('nice', 0, NULL); got chunks;
BEGIN
    WHILE next IS NOT NULL LOOP
        got := read_chunk(next, CASE WHEN next ? 'key' THEN 6000 ELSE 0 END);
        INSERT INTO chunks (request, line, rows, last, more) VALUES (got.request, got.line, got.rows, got.last, got.more);
        next := CASE WHEN got.more THEN next || jsonb_build_object('after', got.last::jsonb)
                     ELSE officesync.next_chunk('nice', (next ->> 'nth')::int, (next ->> 'leaf')::oid) END;
    END LOOP;
END $$;
CALL read_all();
SELECT t.table_name, count(*) > 2 AS several, sum(c.rows), bool_or(c.request ? 'key') AS by_key, max(c.request ->> 'path') AS path
FROM chunks c JOIN officesync.load_table t ON t.office = 'nice' AND t.nth = (c.request ->> 'nth')::int GROUP BY t.nth, t.table_name ORDER BY t.nth;
-- By the index, not by sorting.
SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off;
PREPARE chunk(text, text, text, text) AS SELECT note, b, a, x FROM ONLY pairs WHERE (a, b) > (officesync.input($1, NULL::text[]), officesync.input($2, NULL::int[])) AND (a, b) <= (officesync.input($3, NULL::text[]), officesync.input($4, NULL::int[])) ORDER BY a, b;
SELECT officesync.chunk_query('nice', NULL, request || '{"after": ["A", 1], "until": ["B", 2]}') FROM chunks WHERE request -> 'columns' = '["a", "b"]' LIMIT 1;
EXPLAIN (COSTS off) EXECUTE chunk('A', '1', 'B', '2');
RESET enable_seqscan; RESET enable_sort; RESET enable_bitmapscan;
-- A chunk with both bounds is the same again, with what came into it since.
SELECT request AS one, last FROM chunks WHERE more AND request -> 'columns' = '["id"]' AND request ? 'after' LIMIT 1 \gset
SELECT md5((read_chunk(:'one'::jsonb || jsonb_build_object('until', :'last'::jsonb), 0)).line) = md5(line) AS same FROM chunks WHERE request = :'one';
-- Put into tables that are empty, twice, and over rows that differ.
CREATE FUNCTION digests() RETURNS TABLE (name text, digest text) LANGUAGE sql AS $$
    SELECT 'items', md5(string_agg(t::text, ',' ORDER BY id)) FROM items t UNION ALL
    SELECT 'pairs', md5(string_agg(t::text, ',' ORDER BY a, b)) FROM pairs t UNION ALL
    SELECT 'words', md5(string_agg(t::text, ',' ORDER BY word, day)) FROM words t UNION ALL
    SELECT 'visits', md5(string_agg(t::text, ',' ORDER BY day, who)) FROM visits t $$;
CREATE TEMP TABLE before AS SELECT * FROM digests();
TRUNCATE items, pairs, words, visits;
SELECT sum(officesync.put_rows(line)) FROM chunks WHERE request ? 'key' AND line <> '';
SELECT * FROM before EXCEPT SELECT * FROM digests();
UPDATE items SET name = 'changed', amount = 0; UPDATE pairs SET note = NULL WHERE b % 2 = 0; UPDATE visits SET note = 'changed';
DELETE FROM items WHERE id % 3 = 0; DELETE FROM visits WHERE who % 4 = 0; DELETE FROM words WHERE day = '2024-02-03';
SELECT count(*) FROM (SELECT * FROM before EXCEPT SELECT * FROM digests()) d;
SELECT sum(officesync.put_rows(line)) FROM chunks WHERE request ? 'key' AND line <> '';
SELECT * FROM before EXCEPT SELECT * FROM digests();
-- The pace: by the rate alone while no user is at work (specs/load_pace has one).
SELECT officesync.load_pause(2097152, 0.05, 0.9);
SET officesync.load_rate = '1MB';
SELECT round(officesync.load_pause(2097152, 0.05, 0.9), 1);
RESET officesync.load_rate;
-- Who may not join.
SELECT officesync.join();
SELECT officesync.run_definition('DROP TABLE items');
SELECT officesync.run_definition('CREATE TABLE a (); CREATE TABLE b ()');
SELECT officesync.run_definition('SELECT 1');
SELECT officesync.run_definition('');
SET client_min_messages = warning;
DELETE FROM officesync.load;
DROP TABLE items, pairs, words, visits, whole, empty, chunks CASCADE;
DROP FUNCTION digests; DROP PROCEDURE read_all; DROP SCHEMA kinds CASCADE;
CALL forget();
