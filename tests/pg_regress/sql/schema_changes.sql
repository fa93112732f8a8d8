-- Schema changes at the head go out in their own text, in order with the rows around them; what a branch wrote
-- under an older schema is read in today's words.
\set SHOW_CONTEXT never
SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'; SET IntervalStyle = 'postgres';
SELECT coalesce(max(id), 0) AS before FROM officesync.schema_history \gset
CREATE TABLE t (id int PRIMARY KEY, a int, b text);
CREATE TABLE private (id int PRIMARY KEY);
SELECT officesync.track('t');
ALTER TABLE t ADD COLUMN early int;                 -- nobody listens yet
SELECT start IS NOT NULL AS start FROM officesync.receive_hello('nancy', 'inc-1', 'branch', NULL, NULL, 'nancy');
INSERT INTO t VALUES (0, 0, 'zero');
SELECT officesync.tick() AS stamp \gset
DELETE FROM t;
CALL forget();
CREATE FUNCTION told() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT coalesce(c.change ->> 'statement', concat_ws(' ', c.change ->> 'op', c.change -> 'table' ->> 1, c.change ->> 'direction', c.change ->> 'changed', c.change ->> 'rows'))
           || coalesce(' ' || (c.change ->> 'settings'), '')
    FROM officesync.outbox o
    CROSS JOIN LATERAL regexp_split_to_table(rtrim(convert_from(o.body, 'UTF8'), E'\n'), E'\n') WITH ORDINALITY l (line, number)
    CROSS JOIN LATERAL jsonb_array_elements(nullif(l.line, '')::jsonb -> 'changes') WITH ORDINALITY c (change, nth)
    WHERE NOT o.compressed AND l.line <> '' AND (c.change -> 'table' ->> 1) IS DISTINCT FROM 'conflicts'
    ORDER BY (SELECT s.sequence FROM officesync.outbox s WHERE s.xid = o.xid AND s.sequence IS NOT NULL), o.chunk, l.number, c.nth $$;
-- Several in one string, with rows in between; each with its own text.
INSERT INTO t VALUES (1, 1, 'one')\; ALTER TABLE t ADD COLUMN c int DEFAULT 7\; INSERT INTO t VALUES (2, 2, 'two', NULL, 8)\; ALTER TABLE t RENAME COLUMN a TO amount;
-- Dynamic, in functions, under savepoints.
DO $$ BEGIN
    EXECUTE 'ALTER TABLE t ADD COLUMN d date; ALTER TABLE t DROP COLUMN early';
    BEGIN
        ALTER TABLE t ADD COLUMN never int;
        RAISE EXCEPTION 'undone';
    EXCEPTION WHEN raise_exception THEN NULL;
    END;
END $$;
BEGIN;
ALTER TABLE t ADD COLUMN gone int;
ROLLBACK;
SELECT told();
CALL forget();
-- What does not concern the others.
ALTER TABLE private ADD COLUMN a int;
CREATE INDEX ON private (a);
CREATE TEMP TABLE t2 (id int);
ALTER TABLE t2 ADD COLUMN a int;
CREATE VIEW v AS SELECT * FROM t;
DROP VIEW v;
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
GRANT SELECT ON t TO PUBLIC;
ALTER TABLE t OWNER TO CURRENT_USER;
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
ALTER TABLE t DISABLE ROW LEVEL SECURITY;
DROP TRIGGER tr ON t;
SET session_replication_role = replica;
ALTER TABLE t ADD COLUMN here_only int;
ALTER TABLE t DROP COLUMN here_only;
RESET session_replication_role;
SELECT told();
-- What a table needs goes before it; so do values that no other office would find.
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE DOMAIN moods AS mood CHECK (VALUE <> 'bad');
CREATE SEQUENCE numbers;
ALTER TABLE t ADD COLUMN m moods DEFAULT 'good', ADD COLUMN n int DEFAULT nextval('numbers');
ALTER TYPE mood ADD VALUE 'so so' BEFORE 'bad';
ALTER TABLE t ADD COLUMN since timestamptz DEFAULT '2024-01-01 00:00+00';
SET TimeZone = 'Asia/Tokyo';
ALTER TABLE t ALTER since TYPE date;
SET TimeZone = 'UTC';
SELECT told();
CALL forget();
-- Indexes, constraints, comments, storage.
CREATE INDEX CONCURRENTLY t_b ON t (b);
ALTER INDEX t_b RENAME TO t_by_b;
DROP INDEX t_by_b;
ALTER TABLE t ADD CONSTRAINT positive CHECK (amount > 0) NOT VALID;
ALTER TABLE t VALIDATE CONSTRAINT positive;
ALTER TABLE t RENAME CONSTRAINT positive TO above_zero;
COMMENT ON COLUMN t.b IS 'text';
ALTER TABLE t SET (fillfactor = 90), ALTER b SET STORAGE EXTERNAL;
SELECT told();
CALL forget();
-- The path that was in force.
CREATE SCHEMA shop;
SET search_path = shop, public;
ALTER TABLE t SET SCHEMA shop;
ALTER TABLE t RENAME TO u;
SELECT public.told();
SELECT search_path FROM (SELECT convert_from(body, 'UTF8')::jsonb #>> '{changes,-1,search_path}' AS search_path FROM officesync.outbox) o;
RESET search_path;
CALL forget();
ALTER SCHEMA shop RENAME TO store;
ALTER SCHEMA store RENAME TO shop;
SELECT told();
CALL forget();
-- A table that is tracked comes with what makes it, and one that is untracked stays there.
CREATE TABLE orders (id uuid PRIMARY KEY, m mood NOT NULL, total numeric(10, 2) CHECK (total > 0));
CREATE INDEX orders_total ON orders (total);
SELECT officesync.track('orders');
SELECT officesync.track('orders');
SELECT officesync.track('orders', 'down');
SELECT told();
CALL forget();
SELECT officesync.untrack('orders', force => true);
SELECT told();
CALL forget();
-- A branch's rows, written under the schema of the tick in the beginning: renamed, dropped, of another type.
INSERT INTO shop.u VALUES (3, 3, 'three');
SELECT officesync.tick() IS NOT NULL AS ticked;
CALL forget();
CREATE FUNCTION submit(tick bigint, changes text, schema_tick bigint) RETURNS TABLE (outcome text, detail text) LANGUAGE sql AS $$
    SELECT outcome, detail FROM officesync.apply('nancy', 'inc-1', tick, tick - 1, 1, true, 0, NULL, NULL, 'nancy', 'identity',
        convert_to(format('{"version":1,"office":"nancy","incarnation":"inc-1","sequence":%s,"chunk":0,"last":true,"commit_time":"2024-01-01 00:00:00+00","schema_tick":%s,"changes":[%s]}' || E'\n',
            tick, schema_tick, changes), 'UTF8')) $$;
SELECT * FROM submit(1, '{"table":["public","t"],"op":"insert","columns":["id","a","b","early"],"key":["id"],"rows":[[10,5,"ten",1],[11,6,"eleven",null]]}', :stamp);
SELECT * FROM submit(2, '{"table":["public","t"],"op":"update","columns":["id","a","b","early"],"key":["id"],"changed":["a","early"],"rows":[[1,9,"one",5,1,null]]},'
                      '{"table":["public","t"],"op":"delete","columns":["id","a","b","early"],"key":["id"],"rows":[[2,2,"two",null]]}', :stamp);
SELECT id, amount, b, c, m, since FROM shop.u ORDER BY id;
SELECT told();
CALL forget();
ALTER TABLE shop.u ALTER b TYPE int USING length(b);
ALTER TABLE shop.u ALTER amount TYPE smallint;
SELECT * FROM submit(3, '{"table":["shop","u"],"op":"insert","columns":["id","amount","b"],"key":["id"],"rows":[[12,5,"twelve"],[13,70000,null],[14,7,null]]}', :stamp);
SELECT * FROM submit(4, '{"table":["public","orders"],"op":"insert","columns":["id","m","total"],"key":["id"],"rows":[["00000000-0000-0000-0000-000000000001","good",1]]}', :stamp);
SELECT id, amount, b FROM shop.u ORDER BY id;
SELECT officesync.tick() IS NOT NULL AS ticked;
SELECT schema_name, table_name, key, kind, columns, theirs, state FROM officesync.conflicts WHERE origin = 'nancy' ORDER BY id;
-- Written under today's schema: as it is.
SELECT * FROM submit(5, '{"table":["shop","u"],"op":"insert","columns":["id","amount","b"],"key":["id"],"rows":[[15,5,4]]}', 1000000);
SELECT id, amount, b FROM shop.u WHERE id = 15;
SELECT what, schema_name, table_name, new_schema, new_table, "column", new_column, old_type, new_type, computed, tick IS NOT NULL AS ticked
FROM officesync.schema_history WHERE id > :before ORDER BY id;
-- A label that has another name now; and a column that the branch did not know of has another value there: it is told.
CREATE TYPE size AS ENUM ('s', 'm');
CREATE TABLE shirts (id int PRIMARY KEY, size size, sizes size[], note text);
SELECT officesync.track('shirts');
INSERT INTO shirts VALUES (1, 's', '{s,m}', 'one');
SELECT officesync.tick() AS stamp2 \gset
CALL forget();
ALTER TYPE size RENAME VALUE 's' TO 'small';
ALTER TABLE shirts ADD COLUMN number int DEFAULT nextval('numbers');
SELECT * FROM submit(6, '{"table":["public","shirts"],"op":"update","columns":["id","size","sizes","note"],"key":["id"],"changed":["note"],"rows":[[1,"s","{s,m}","s","one"]]},'
                      '{"table":["public","shirts"],"op":"insert","columns":["id","size","sizes","note"],"key":["id"],"rows":[[2,"s","{m,s}","s"]]}', :stamp2);
SELECT id, size, sizes, note FROM shirts ORDER BY id;
SELECT told();
CALL forget();
-- A branch's own schema change goes to the quarantine, and the lane goes on.
SELECT * FROM submit(7, '{"op":"ddl","statement":"DROP TABLE shop.u","search_path":[]}', :stamp);
SELECT * FROM submit(8, '{"table":["shop","u"],"op":"untrack"}', :stamp);
SELECT * FROM submit(9, '{"table":["shop","u"],"op":"insert","columns":["id","amount","b"],"key":["id"],"rows":[[16,5,4]]}', 1000000);
SELECT origin, tick, reason FROM officesync.quarantine WHERE origin = 'nancy';
SELECT applied_tick FROM officesync.peer WHERE name = 'nancy';
SELECT count(*) FROM shop.u WHERE id = 16;
-- What each branch would do, by what it has told.
SELECT office, outcome, detail FROM officesync.preview_ddl('ALTER TABLE shop.u ADD COLUMN x int') WHERE office = 'nancy';
INSERT INTO officesync.held_tables VALUES ('nancy', 'd');
INSERT INTO officesync.peer_tables VALUES ('nancy', 'shop', 'u', '{"columns": {"id": "integer", "amount": "smallint", "b": "integer", "x": "text"}}');
SELECT s.statement, p.outcome, p.detail FROM (VALUES (1, 'ALTER TABLE shop.u ADD COLUMN y int'), (2, 'ALTER TABLE shop.u ADD COLUMN x int'),
    (3, 'ALTER TABLE shop.u ALTER amount TYPE bigint'), (4, 'ALTER TABLE shop.u ALTER b TYPE smallint'), (5, 'ALTER TABLE shop.u DROP COLUMN b'),
    (6, 'ALTER TABLE shop.u ALTER m SET NOT NULL'), (7, 'ALTER TABLE shop.u ADD CHECK (b > 0)'), (8, 'ALTER TABLE shop.u ADD CHECK (b > 0) NOT VALID'),
    (9, 'CREATE INDEX ON shop.u (b)'), (10, 'GRANT SELECT ON shop.u TO PUBLIC'), (11, 'ALTER TABLE private ADD COLUMN x int'),
    (12, 'ALTER TABLE shop.u RENAME COLUMN m TO mood')) s (n, statement)
CROSS JOIN LATERAL officesync.preview_ddl(s.statement) p WHERE p.office = 'nancy' ORDER BY s.n;
SELECT * FROM officesync.preview_ddl('ALTER TABLE shop.u ADD COLUMN y int; DROP TABLE shop.u');
-- Functions that a branch does not have: said before anything is sent.
CREATE FUNCTION next_code() RETURNS text LANGUAGE sql AS $$ SELECT md5('code') $$;
CREATE FUNCTION shop.is_fine(int) RETURNS boolean IMMUTABLE LANGUAGE sql AS $$ SELECT $1 > 0 $$;
SELECT officesync.receive_tables('nancy', 'inc-1', 'nancy', 'e', officesync.table_definitions()::text, ARRAY['public.next_code']);
SELECT s.statement, p.outcome, p.detail FROM (VALUES (1, 'ALTER TABLE shirts ADD COLUMN code text DEFAULT next_code()'),
    (2, 'ALTER TABLE shirts ADD COLUMN code text DEFAULT lower(coalesce(next_code(), shop.is_fine(1)::text))'),
    (3, 'ALTER TABLE shirts ALTER note SET DEFAULT public.next_code(), ADD CHECK (shop.is_fine(id)) NOT VALID'),
    (4, 'CREATE INDEX ON shirts ((shop.is_fine(id)))'), (5, 'CREATE INDEX ON shirts (id) WHERE shop.is_fine(number)'),
    (6, 'ALTER TABLE shirts SET (fillfactor = 90), REPLICA IDENTITY FULL, ALTER size TYPE text USING size::text')) s (n, statement)
CROSS JOIN LATERAL officesync.preview_ddl(s.statement) p WHERE p.office = 'nancy' ORDER BY s.n;
ALTER TABLE shirts ADD COLUMN code text DEFAULT next_code();
ALTER TABLE shirts ADD CONSTRAINT fine CHECK (shop.is_fine(id));
SELECT * FROM officesync.check() WHERE object = 'public.shirts';
SELECT officesync.receive_tables('nancy', 'inc-1', 'nancy', 'f', officesync.table_definitions()::text, ARRAY['public.next_code', 'shop.is_fine']);
SELECT * FROM officesync.check() WHERE object = 'public.shirts';
SELECT officesync.receive_tables('nancy', 'inc-1', 'nancy', 'g', '[]', ARRAY['public.next_code', NULL]);
-- Dropping.
DROP SCHEMA shop CASCADE;
SELECT told();
DROP TABLE orders, private, shirts;
DROP TYPE size;
DROP DOMAIN moods;
DROP TYPE mood;
DROP SEQUENCE numbers;
DROP FUNCTION f, told, submit, next_code;
SELECT officesync.remove_branch('nancy');
DELETE FROM officesync.conflicts WHERE origin = 'nancy';
DELETE FROM officesync.quarantine WHERE origin = 'nancy';
CALL forget();
