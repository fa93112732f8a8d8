-- Ticks of a branch are applied at the head, whole and once, and go out again marked with their origin.
\set SHOW_CONTEXT never
CREATE TABLE t (id int PRIMARY KEY, x text, y int);
CREATE TABLE u (code char(4), n numeric, PRIMARY KEY (code, n));
SELECT officesync.track('t'), officesync.track('u');
SELECT start IS NOT NULL AS start, received, received_incarnation FROM officesync.receive_hello('lyon', 'inc-1', 'branch', NULL, NULL, 'lyon');
-- send(tick, changes): what the relay does with one message of the branch.
CREATE FUNCTION send(tick bigint, changes text, part int DEFAULT 1, last boolean DEFAULT true, sequence text DEFAULT '1',
    chunk int DEFAULT 0, office text DEFAULT 'lyon', broker_user text DEFAULT 'lyon', version int DEFAULT 1)
RETURNS TABLE (outcome text, "position" bigint, changed bigint, detail text) LANGUAGE sql AS $$
    SELECT outcome, position, changes, detail FROM officesync.apply('lyon', 'inc-1', tick, tick - 1, part, last, 0, NULL, NULL, broker_user, 'identity',
        convert_to(format('{"version":%s,"office":"%s","incarnation":"inc-1","sequence":%s,"chunk":%s,"last":%s,"commit_time":%s,"changes":[%s]}' || E'\n',
            version, office, sequence, chunk, (sequence <> 'null')::text, CASE sequence WHEN 'null' THEN 'null' ELSE '"2024-01-01 00:00:00+00"' END, changes), 'UTF8')) $$;
CREATE FUNCTION rows_of(op text, rows text, changed text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT format('{"table":["public","t"],"op":"%s","columns":["id","x","y"],"key":["id"]%s,"rows":[%s]}', op, coalesce(',"changed":' || changed, ''), rows) $$;
SELECT * FROM send(1, rows_of('insert', '["1","a",1],["2",null,2],["3","c",3],[4,"d",4],[5,"e",5],[6,"f",6]'));
SELECT * FROM send(1, rows_of('insert', '["9","twice",1]'));      -- redelivered
SELECT * FROM send(3, rows_of('insert', '["9","early",1]'));      -- something is missing
SELECT * FROM send(2, rows_of('update', '[1,"b",1,"a"]', '["x"]') || ',' || rows_of('delete', '["2",null,2]'));
SELECT * FROM t ORDER BY id;
-- Keys written differently, values handed from row to row, one row changed twice: in exact order.
SELECT * FROM send(3, rows_of('update', '[1,"c",1,"b"],[1,"d",1,"c"],[3,"x",3,"c"],[1,"e",1,"d"]', '["x"]') || ',' ||
    rows_of('update', '[11,"d",4,4],[4,"e",5,5],[5,"d",4,11]', '["id"]'));
SELECT * FROM t ORDER BY id;
SELECT * FROM send(4, '{"table":["public","u"],"op":"insert","columns":["code","n"],"key":["code","n"],"rows":[["ab",1.0],["ab",2],["ab",3],["ab",4],["ab",5]]},'
    '{"table":["public","u"],"op":"delete","columns":["code","n"],"key":["code","n"],"rows":[["ab  ",1.00],["ab",2]]}');
SELECT code, n FROM u ORDER BY n;
-- The head passes on what it applied, in the name of the branch; an empty tick still gets its mark.
SELECT * FROM send(5, '');
SELECT regexp_replace(lines(), '"changes":.*"rows"', '"changes":... "rows"');
SELECT regexp_replace(regexp_replace(convert_from(body, 'UTF8'), '"sequence":\d+', '"sequence":N'), '"commit_time":"[^"]*"', '"commit_time":T') AS mark
FROM officesync.outbox ORDER BY sequence DESC LIMIT 1;
CALL forget();
-- Truncate, several tables at once.
SELECT * FROM send(6, '{"table":["public","t"],"op":"truncate","restart_identity":false},{"table":["public","u"],"op":"truncate","restart_identity":false}');
SELECT count(*) FROM t;
-- User triggers and foreign keys have done their work at the office that wrote.
CREATE TABLE parent (id int PRIMARY KEY);
ALTER TABLE t ADD FOREIGN KEY (y) REFERENCES parent;
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'fired'; END $$;
CREATE TRIGGER a_shout BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION shout();
SELECT * FROM send(7, rows_of('insert', '["1","a",1]'));
SHOW session_replication_role;
-- A part that is not the whole tick waits in the inbox; the tick is applied when all are there.
SELECT * FROM send(8, rows_of('insert', '["2","b",1]'), part => 1, last => false, sequence => 'null');
SELECT * FROM send(8, rows_of('insert', '["2","b",1]'), part => 1, last => false, sequence => 'null');
SELECT * FROM send(8, rows_of('insert', '["4","d",1]'), part => 3, last => true, chunk => 2);
SELECT outcome, position, changes, detail FROM officesync.apply_staged('lyon');
SELECT * FROM officesync.staged_lanes();
SELECT * FROM send(8, rows_of('insert', '["3","c",1]'), part => 2, last => true, chunk => 1);
SELECT * FROM officesync.staged_lanes();
SELECT count(*) AS before FROM t;
SELECT outcome, position, changes, detail FROM officesync.apply_staged('lyon');
SELECT outcome, position, changes, detail FROM officesync.apply_staged('lyon');
SELECT count(*) AS after FROM t;
SELECT applied_tick, ticks, rows FROM officesync.offices WHERE office = 'lyon';
-- Bad messages: one clear error, nothing done.
SELECT * FROM send(9, '{');
SELECT * FROM send(9, '', version => 2);
SELECT * FROM send(9, '', chunk => 1);
SELECT * FROM send(9, '', sequence => 'null');
SELECT * FROM send(9, '', office => 'nice');
SELECT * FROM send(9, '', broker_user => 'mallory');
SELECT * FROM send(9, '{"table":["public","nowhere"],"op":"insert","columns":["id"],"key":["id"],"rows":[["1"]]}');
SELECT * FROM send(9, '{"table":["pg_catalog","pg_authid"],"op":"delete","columns":["oid"],"key":["oid"],"rows":[["10"]]}');
SELECT * FROM send(9, '{"table":["public","t"],"op":"insert","columns":["id","zz"],"key":["id"],"rows":[["1","x"]]}');
SELECT outcome, position, changes, detail FROM officesync.apply('nobody', 'i', 1, 0, 1, true, 0, NULL, NULL, NULL, 'identity', '');
SELECT outcome, position, changes, detail FROM officesync.apply('lyon', 'other', 9, 8, 1, true, 0, NULL, NULL, NULL, 'identity', '');
SELECT outcome, position, changes, detail FROM officesync.apply('lyon', 'inc-1', 9, 8, 1, true, 0, NULL, NULL, 'lyon', 'gzip', '');
SELECT outcome, position, changes, detail FROM officesync.apply('lyon', 'inc-1', 9, 8, 1, true, 0, NULL, NULL, 'lyon', 'zstd', 'not zstd');
SELECT outcome FROM officesync.apply('', '', 0, 0, 0, false, 0, NULL, NULL, 'mallory', '', 'stray');
SELECT outcome FROM officesync.apply('lyon', '', 0, 0, 0, false, 0, NULL, NULL, 'lyon', '', 'stray');
SELECT origin, tick, reason FROM officesync.quarantine;
SELECT applied_tick FROM officesync.offices WHERE office = 'lyon';
DROP TABLE t, u, parent;
DROP FUNCTION shout;
CALL forget();
