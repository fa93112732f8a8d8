-- Tables of which a branch gets its own rows only, at the head.
\set SHOW_CONTEXT never
SELECT start IS NOT NULL AS start FROM officesync.receive_hello('reims', 'inc-1', 'branch', NULL, NULL, 'reims');
SELECT start IS NOT NULL AS start FROM officesync.receive_hello('vienne', 'inc-1', 'branch', NULL, NULL, 'vienne');
CREATE TYPE site AS ENUM ('reims', 'vienne');
CREATE TABLE orders (id int PRIMARY KEY, branch text, amount int, twice text GENERATED ALWAYS AS (branch || '!') STORED, place char(8), site site);
CREATE TABLE products (id int PRIMARY KEY, name text);
-- What can't be a branch column, and what can't be changed.
SELECT officesync.track('orders', branch_column => 'nothing');
SELECT officesync.track('orders', branch_column => 'amount');
SELECT officesync.track('orders', branch_column => 'place');
SELECT officesync.track('orders', branch_column => 'twice');
SELECT officesync.track('orders', branch_column => 'branch'), officesync.track('products');
SELECT officesync.track('orders', branch_column => 'site');
SELECT officesync.track('products', branch_column => 'name');
SELECT officesync.track('orders');
SELECT "table", direction, branch_column, branch_path FROM officesync.tracked_tables WHERE "table" = 'orders'::regclass;
ALTER TABLE orders RENAME COLUMN branch TO office;
ALTER TABLE orders DROP COLUMN branch CASCADE;
SELECT count(*) FROM officesync.outbox WHERE convert_from(body, 'UTF8') LIKE '%"branch_column":"branch"%';
CALL forget();
-- sent(): what the outbox holds, for whom.
CREATE FUNCTION sent() RETURNS TABLE (chunk int, ends boolean, target text, line text) LANGUAGE sql AS $$
    SELECT o.chunk, o.sequence IS NOT NULL, o.target,
           concat_ws(' ', l.line::jsonb ->> 'chunk', CASE WHEN (l.line::jsonb ->> 'last')::boolean THEN 'last' END,
                     (SELECT string_agg(concat_ws(' ', c ->> 'op', c -> 'table' ->> 1, c ->> 'changed', c ->> 'rows'), '; ' ORDER BY n)
                      FROM jsonb_array_elements(l.line::jsonb -> 'changes') WITH ORDINALITY a (c, n) WHERE c -> 'table' ->> 1 <> 'conflicts'))
    FROM officesync.outbox o CROSS JOIN LATERAL regexp_split_to_table(rtrim(convert_from(o.body, 'UTF8'), E'\n'), E'\n') WITH ORDINALITY l (line, n)
    WHERE o.body <> ''
    ORDER BY o.xid, o.chunk, l.n $$;
-- Each row goes to the office that its column names; a transaction of one office only is nobody else's.
INSERT INTO orders VALUES (1, 'reims', 10), (2, 'reims', 20);
BEGIN;
INSERT INTO orders VALUES (3, 'reims', 30), (4, 'vienne', 40), (5, NULL, 50), (6, 'No Office', 60), (7, 'reims', 70), (8, 'head', 80);
INSERT INTO products VALUES (1, 'tea');
UPDATE orders SET amount = amount + 1 WHERE id IN (4, 5, 3);
COMMIT;
SELECT * FROM sent();
CALL forget();
-- A row that changes hands is gone for the one and new for the other; rows of nobody come and go.
UPDATE orders SET branch = 'vienne' WHERE id = 1;
UPDATE orders SET branch = NULL WHERE id = 4;
UPDATE orders SET branch = 'vienne' WHERE id = 5;
UPDATE orders SET id = 9, branch = 'reims' WHERE id = 5;
DELETE FROM orders WHERE id IN (6, 9, 1);
SELECT * FROM sent();
CALL forget();
-- Savepoints, triggers that nest, TRUNCATE.
CREATE FUNCTION double_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE orders SET branch = 'vienne' WHERE id = NEW.id; RETURN NULL; END $$;
CREATE TRIGGER x_double AFTER INSERT ON orders FOR EACH ROW WHEN (NEW.amount = 99) EXECUTE FUNCTION double_it();
BEGIN;
INSERT INTO orders VALUES (10, 'reims', 99), (11, 'reims', 1);
SAVEPOINT a;
INSERT INTO orders VALUES (12, 'vienne', 2);
ROLLBACK TO a;
INSERT INTO products VALUES (2, 'milk');
SAVEPOINT b;
INSERT INTO orders VALUES (13, 'vienne', 3);
RELEASE b;
COMMIT;
TRUNCATE orders;
SELECT * FROM sent();
DROP TRIGGER x_double ON orders;
CALL forget();
-- A tick for each of them: what a branch gets, and what those get that have nothing in it.
INSERT INTO orders SELECT n, (ARRAY['reims', 'vienne'])[1 + n % 2], n FROM generate_series(1, 6) n;
INSERT INTO orders VALUES (20, 'vienne', 1);
SELECT officesync.tick() AS tick \gset
SELECT targets FROM officesync.tick WHERE number = :tick;
SELECT * FROM officesync.recipients(:tick) WHERE target <> '' OR 'reims' = ANY (branches) ORDER BY target DESC;
SELECT t.target, d.last, regexp_matches(convert_from(officesync.unpack(d.body, d.encoding), 'UTF8'), '"rows":[^}]*', 'g') AS rows
FROM (VALUES ('reims'), ('vienne')) t (target), officesync.drain(:tick, 0, -1, 0, t.target) d;
SELECT d.last, octet_length(d.body) = 0 AS empty FROM officesync.drain(:tick, 0, -1, 0, 'nancy') d;
INSERT INTO orders VALUES (21, 'vienne', 1);
SELECT officesync.tick() AS tick \gset
SELECT d.last, octet_length(d.body) = 0 AS empty FROM officesync.drain(:tick, 0, -1, 0, 'reims') d;
INSERT INTO products VALUES (3, 'salt');
SELECT officesync.tick() AS tick \gset
SELECT targets IS NULL AS for_all FROM officesync.tick WHERE number = :tick;
CALL forget();
-- What a branch may send. submit(): a tick of reims.
CREATE FUNCTION submit(tick bigint, changes text, OUT outcome text, OUT detail text) LANGUAGE sql AS $$
    SELECT outcome, detail FROM officesync.apply('reims', 'inc-1', tick, tick - 1, 1, true, 0, NULL, NULL, 'reims', 'identity',
        convert_to(format('{"version":1,"office":"reims","incarnation":"inc-1","sequence":%s,"chunk":0,"last":true,"commit_time":"2024-01-01 10:00:00+00","changes":[%s]}' || E'\n', tick, changes), 'UTF8')) $$;
CREATE FUNCTION one(op text, new text, changed text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT format('{"table":["public","orders"],"op":"%s","columns":["id","branch","amount"],"key":["id"]%s,"rows":[[%s]]}', op, coalesce(',"changed":' || changed, ''), new) $$;
SELECT * FROM submit(1, one('insert', '30,"reims",5'));
SELECT * FROM sent();
CALL forget();
SELECT * FROM submit(2, one('insert', '31,"vienne",5'));
SELECT * FROM submit(3, one('insert', '31,null,5'));
SELECT * FROM submit(4, one('update', '30,"vienne",5,"reims"', '["branch"]'));
SELECT * FROM submit(5, one('update', '20,"reims",5,"vienne"', '["branch"]'));
SELECT * FROM submit(6, one('delete', '20,"vienne",1'));
SELECT * FROM submit(7, '{"table":["public","orders"],"op":"truncate","restart_identity":false}');
SELECT * FROM submit(8, '{"table":["public","orders"],"op":"insert","columns":["id","amount"],"key":["id"],"rows":[[32,1]]}');
-- Also in the middle of what is good, where something is in conflict, and where the head's row is another's.
SELECT * FROM submit(9, one('insert', '33,"reims",5') || ',' || one('insert', '30,"reims",7') || ',' || one('delete', '21,"vienne",1'));
SELECT tick, reason FROM officesync.quarantine WHERE origin = 'reims' ORDER BY id;
SELECT id, branch, amount FROM orders WHERE id IN (20, 21) OR id >= 30 ORDER BY id;
SELECT applied_tick FROM officesync.peer WHERE name = 'reims';
CALL forget();
-- A row that has changed hands meanwhile: what the branch did to it is lost, and it is told that the row is gone.
SELECT * FROM submit(10, one('insert', '20,"reims",5') || ',' || one('insert', '34,"reims",5'));
SELECT * FROM submit(11, one('update', '21,"reims",5,1', '["amount"]'));
SELECT * FROM submit(12, one('delete', '21,"reims",1'));
SELECT id, branch, amount FROM orders WHERE id IN (20, 21, 34) ORDER BY id;
SELECT kind, policy, winner, key, told_to, ours ->> 'branch' AS ours, theirs ->> 'branch' AS theirs FROM officesync.conflicts WHERE origin = 'reims' ORDER BY id;
SELECT * FROM sent();
CALL forget();
-- A conflict about its own row is told to the branch, and to nobody else.
UPDATE orders SET amount = 11 WHERE id = 34;
SELECT * FROM submit(13, one('update', '34,"reims",12,5', '["amount"]'));
SELECT kind, told_to FROM officesync.conflicts WHERE origin = 'reims' AND told_to <> '';
SELECT DISTINCT o.target FROM officesync.outbox o WHERE convert_from(o.body, 'UTF8') LIKE '%"conflicts"%';
-- Comparing, and sending again.
INSERT INTO orders VALUES (50, NULL);
SELECT rows FROM officesync.range_digests('public', 'orders', '{id}', '{id}', NULL, NULL, false, 1000, 1000, 'vienne');
SELECT key FROM officesync.range_rows('public', 'orders', '{id}', '{id}', NULL, NULL, false, 1000, 'reims');
CALL forget();
SELECT officesync.resend('orders', 'id IN (3, 4)');
SELECT officesync.resend('orders', 'id IN (3, 4, 50)', 'reims');
SELECT officesync.resend('orders', 'id IN (3, 50)');
SELECT officesync.resend('products', NULL, 'vienne');
SELECT officesync.tell_row('public', 'orders', '{id}', '{4}', true, 'vienne');
SELECT * FROM sent();
DROP TABLE orders, products;
DROP TYPE site;
DROP FUNCTION sent, submit, one, double_it;
SELECT officesync.remove_branch('reims'), officesync.remove_branch('vienne');
DELETE FROM officesync.conflicts WHERE origin = 'reims';
DELETE FROM officesync.quarantine WHERE origin = 'reims';
CALL forget();
