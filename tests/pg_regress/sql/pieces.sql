-- A row much larger than a part travels in pieces and is put together again where it is applied.
\set SHOW_CONTEXT never
CREATE TABLE t (id int PRIMARY KEY, x text);
SELECT officesync.track('t');
CALL forget();
SET officesync.part_bytes = 1000;
CREATE FUNCTION noise(bytes int) RETURNS text LANGUAGE sql AS $$
    SELECT substr(string_agg(md5(i::text), ''), 1, bytes) FROM generate_series(0, bytes / 32) i $$;
INSERT INTO t VALUES (1, 'small');
INSERT INTO t VALUES (2, noise(20000));
INSERT INTO t VALUES (3, noise(1700));
INSERT INTO t VALUES (4, 'small too');
INSERT INTO t VALUES (5, noise(3000) || repeat('x', 100000));
SELECT officesync.tick() AS tick \gset
CREATE FUNCTION parts(tick bigint) RETURNS TABLE (nth int, last boolean, encoding text, changes int, body bytea, continue_at int) LANGUAGE sql AS $$
    WITH RECURSIVE p AS (
        SELECT 1 AS nth, d.* FROM officesync.drain(tick, 0, -1, 0) d
        UNION ALL SELECT p.nth + 1, d.* FROM p, officesync.drain(tick, p.sequence, p.chunk, p.continue_at) d WHERE NOT p.last)
    SELECT nth, last, encoding, changes, body, continue_at FROM p $$;
SELECT nth = 1 AS first, encoding, continue_at > 0 AS continued, last, sum(changes) AS changes, count(*) > 2 AS many,
       min(octet_length(body)) FILTER (WHERE continue_at > 0) AS least, max(octet_length(body)) <= 3000 AS bounded
FROM parts(:tick) GROUP BY 1, 2, 3, 4 ORDER BY min(nth);
SELECT (SELECT md5(string_agg(body, '' ORDER BY nth)) FROM parts(:tick)) = (SELECT md5(string_agg(body, '' ORDER BY nth)) FROM parts(:tick)) AS the_same_again;
-- The pieces are the row as it is stored, and nothing between them.
SELECT count(*) = 1 AS whole FROM officesync.outbox o
WHERE o.body = (SELECT string_agg(body, '' ORDER BY nth) FROM parts(:tick) WHERE nth BETWEEN 2
    AND (SELECT min(nth) FROM parts(:tick) WHERE nth > 1 AND continue_at = 0));
-- A cursor that no part ended with is refused.
DO $$ BEGIN PERFORM officesync.drain((SELECT max(number) FROM officesync.tick), 0, -1, 7);
EXCEPTION WHEN no_data_found THEN RAISE NOTICE 'no such part'; END $$;

-- Applied: the same pieces, in the name of a branch.
SELECT start IS NOT NULL AS start FROM officesync.receive_hello('nimes', 'inc-1', 'branch', NULL, NULL, 'nimes');
CREATE FUNCTION body_of(rows text) RETURNS bytea LANGUAGE sql AS $$
    SELECT convert_to('{"version":1,"office":"nimes","incarnation":"inc-1","sequence":1,"chunk":0,"last":true,"commit_time":"2024-01-01 00:00:00+00",'
        || '"changes":[{"table":["public","t"],"op":"insert","columns":["id","x"],"key":["id"],"rows":[' || rows || E']}]}\n', 'UTF8') $$;
CREATE FUNCTION send_piece(tick bigint, part int, last boolean, body bytea, continued boolean, encoding text DEFAULT 'identity')
RETURNS TABLE (outcome text, "position" bigint, changed bigint, detail text) LANGUAGE sql AS $$
    SELECT outcome, position, changes, detail FROM officesync.apply('nimes', 'inc-1', tick, tick - 1, part, last, 0, NULL, NULL, 'nimes', encoding, body, continued) $$;
SELECT body_of(format('[10,"%s"]', noise(20000))) AS big \gset
SELECT * FROM send_piece(1, 1, false, body_of('[11,"before"]'), false);
SELECT * FROM send_piece(1, 2, false, substring(:'big'::bytea FROM 1 FOR 7000), true);
SELECT * FROM send_piece(1, 2, false, substring(:'big'::bytea FROM 1 FOR 7000), true);      -- redelivered
SELECT * FROM send_piece(1, 3, false, substring(:'big'::bytea FROM 7001 FOR 7000), true);
SELECT outcome, position, changes, detail FROM officesync.apply_staged('nimes');
SELECT * FROM send_piece(1, 4, false, substring(:'big'::bytea FROM 14001), false);
SELECT * FROM send_piece(1, 5, true, body_of('[12,"behind"]'), false);
SELECT outcome, position, changes, detail FROM officesync.apply_staged('nimes');
SELECT id, length(x), x = noise(20000) AS the_same FROM t WHERE id >= 10 ORDER BY id;
SELECT count(*) AS left_over FROM officesync.inbox;
-- Nonsense: an end that goes on, pieces in different encodings.
SELECT outcome, detail FROM send_piece(2, 1, true, :'big'::bytea, true);
SELECT outcome FROM send_piece(2, 1, false, substring(:'big'::bytea FROM 1 FOR 7000), true);
SELECT outcome FROM send_piece(2, 2, true, substring(:'big'::bytea FROM 7001), false, 'zstd');
SELECT outcome, position, changes, detail FROM officesync.apply_staged('nimes');
SELECT officesync.halt_lane('nimes', 2, '08P01', 'as the relay does');
SELECT officesync.skip('nimes', 2);
SELECT tick, part, encoding, continued, octet_length(body) > 0 AS body, reason FROM officesync.quarantine WHERE origin = 'nimes' ORDER BY id;
SELECT count(*) AS left_over FROM officesync.inbox;

RESET officesync.part_bytes;
DROP TABLE t;
DROP FUNCTION noise, parts, body_of, send_piece;
DELETE FROM officesync.quarantine WHERE origin = 'nimes';
SELECT officesync.remove_branch('nimes');
CALL forget();
