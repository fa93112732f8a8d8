-- Rows that come in the order in which they stand here: inserted together, and found without going through the index.
\set SHOW_CONTEXT never
SELECT start IS NOT NULL AS start FROM officesync.receive_hello('autun', 'inc-1', 'branch', NULL, NULL, 'autun');
CREATE TABLE ordered (id numeric PRIMARY KEY, x text NOT NULL CHECK (x <> 'forbidden'), big text);
CREATE UNIQUE INDEX ordered_x ON ordered (x);
SELECT officesync.track('ordered');
CREATE FUNCTION send_rows(tick bigint, op text, rows text, changed text DEFAULT '') RETURNS text LANGUAGE sql AS $$
    SELECT outcome || coalesce(': ' || detail, '') FROM officesync.apply('autun', 'inc-1', tick, tick - 1, 1, true, 0, NULL, NULL, 'autun', 'identity', convert_to(
        format('{"version":1,"office":"autun","incarnation":"inc-1","sequence":%s,"chunk":0,"last":true,"commit_time":"2024-01-01 00:00:00+00",'
        || '"changes":[{"table":["public","ordered"],"op":"%s","columns":["id","x","big"],"key":["id"]%s,"rows":[%s]}]}' || E'\n',
        tick, op, changed, rows), 'UTF8')) $$;
-- How often this session went through the index; counted on until a transaction has ended.
CREATE FUNCTION descents() RETURNS bigint LANGUAGE sql AS $$ SELECT pg_stat_get_xact_numscans('ordered_pkey'::regclass) $$;
-- More rows than are gathered at once, and some whose values are stored elsewhere.
SELECT send_rows(1, 'insert', string_agg(format('[%s,"x%s","%s"]', n, n, CASE n % 1000 WHEN 0 THEN repeat(md5(n::text), 300) END), ',' ORDER BY n))
FROM generate_series(1, 2500) n;
SELECT count(*), count(DISTINCT x), min(id), max(id), sum(length(big)) FROM ordered;
SET enable_seqscan = off;
SELECT x FROM ordered WHERE id = 2500;
RESET enable_seqscan;
-- In order only the first two are looked up.
BEGIN;
SELECT descents() AS before \gset
SELECT send_rows(2, 'update', string_agg(format('[%s,"y%s","%s","x%s"]', n, n, '', n), ',' ORDER BY n), ',"changed":["x"]')
FROM generate_series(1, 999) n;
SELECT descents() - :before AS descents;
COMMIT;
-- With gaps, live ones and dead ones; and the other way round.
BEGIN;
SELECT descents() AS before \gset
SELECT send_rows(3, 'delete', string_agg(format('[%s,"x%s",""]', n, n), ',' ORDER BY n)) FROM generate_series(1001, 1999) n WHERE n % 3 = 0;
SELECT send_rows(4, 'delete', string_agg(format('[%s,"x%s",""]', n, n), ',' ORDER BY n)) FROM generate_series(1001, 1999) n WHERE n % 3 = 1;
SELECT descents() - :before AS descents;
COMMIT;
BEGIN;
SELECT descents() AS before \gset
SELECT send_rows(5, 'delete', string_agg(format('[%s,"x%s",""]', n, n), ',' ORDER BY n DESC)) FROM generate_series(1001, 1999) n WHERE n % 3 = 2;
SELECT descents() - :before AS descents;
COMMIT;
-- Keys that are written otherwise are equal to the index only.
BEGIN;
SELECT descents() AS before \gset
SELECT send_rows(6, 'delete', string_agg(format('[%s.0,"x%s",""]', n, n), ',' ORDER BY n)) FROM generate_series(2001, 2010) n;
SELECT descents() - :before AS descents;
COMMIT;
SELECT count(*), count(*) FILTER (WHERE x LIKE 'y%') AS updated, sum(id) = (SELECT sum(n) FROM generate_series(1, 2500) n WHERE n <= 1000 OR n = 2000 OR n > 2010) AS the_right_ones FROM ordered;
-- The row behind the last one is the same row again: it was changed by this tick.
SELECT send_rows(7, 'update', '[1,"z1","","y1"],[2,"z2","","y2"],[3,"z3","","y3"],[3,"zz3","","z3"],[4,"z4","","y4"]', ',"changed":["x"]');
SELECT id, x FROM ordered WHERE x LIKE 'z%' ORDER BY id;
-- What a constraint of this office refuses is left out, and the rest is there.
SELECT send_rows(8, 'insert', '[3001,"a",null],[3002,"forbidden",null],[3003,"c",null]');
SELECT send_rows(9, 'insert', '[3004,"d",null],[3005,null,null],[3006,"f",null]');
SELECT send_rows(10, 'insert', '[3007,"g",null],[3008,"h",null],[3007,"i",null]');
SELECT send_rows(11, 'insert', '[3009,"j",null],[3010,"h",null]');
SELECT id, x FROM ordered WHERE id > 3000 ORDER BY id;
SELECT key, kind, winner FROM officesync.conflicts WHERE table_name LIKE '%ordered' ORDER BY id;
DELETE FROM officesync.conflicts WHERE table_name LIKE '%ordered';
DROP TABLE ordered;
DROP FUNCTION send_rows, descents;
SELECT officesync.remove_branch('autun');
CALL forget();
