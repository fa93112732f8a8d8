-- Tables whose rows go where the row goes to which they refer, at the head.
\set SHOW_CONTEXT never
SELECT start IS NOT NULL AS start FROM officesync.receive_hello('meaux', 'inc-1', 'branch', NULL, NULL, 'meaux');
SELECT start IS NOT NULL AS start FROM officesync.receive_hello('sete', 'inc-1', 'branch', NULL, NULL, 'sete');
CREATE TABLE orders (id int PRIMARY KEY, branch text);
CREATE TABLE items (id int PRIMARY KEY, order_id int REFERENCES orders ON DELETE CASCADE ON UPDATE CASCADE DEFERRABLE, gone int, qty int);
CREATE TABLE notes (id int PRIMARY KEY, item_id int REFERENCES items ON DELETE SET NULL, other int REFERENCES orders, note text);
ALTER TABLE items DROP COLUMN gone;
-- What is no branch path.
SELECT officesync.track('items', branch_path => 'order_id -> orders.branch');
SELECT officesync.track('orders', branch_column => 'branch', branch_path => 'id -> orders');
SELECT officesync.track('orders', branch_column => 'branch');
SELECT officesync.track('items');
SELECT officesync.track('items', branch_path => 'order_id');
SELECT officesync.track('items', branch_path => 'qty -> orders.branch');
SELECT officesync.track('items', branch_path => 'order_id -> orders.id');
SELECT officesync.track('notes', branch_path => 'item_id -> items.order_id -> orders.branch');
SELECT officesync.track('items', branch_path => 'order_id -> orders.branch');
SELECT officesync.track('notes', branch_path => 'item_id -> items.qty -> orders.branch');
SELECT officesync.track('notes', branch_path => 'item_id -> items.order_id -> orders.branch');
SELECT officesync.track('items', branch_path => 'order_id -> public.orders'), officesync.track('notes', branch_path => 'item_id -> items');
SELECT "table", branch_column, branch_path FROM officesync.tracked_tables WHERE branch_column IS NOT NULL OR branch_path IS NOT NULL ORDER BY "table"::text;
SELECT officesync.untrack('orders', force => true);
ALTER TABLE items DROP CONSTRAINT items_order_id_fkey;
ALTER TABLE items RENAME COLUMN order_id TO of_order;
CALL forget();
CREATE FUNCTION sent() RETURNS TABLE (target text, line text) LANGUAGE sql AS $$
    SELECT o.target, (SELECT string_agg(concat_ws(' ', c ->> 'op', c -> 'table' ->> 1, c ->> 'changed', c ->> 'rows'), '; ' ORDER BY n)
                      FROM jsonb_array_elements(l.line::jsonb -> 'changes') WITH ORDINALITY a (c, n) WHERE c -> 'table' ->> 1 <> 'conflicts')
    FROM officesync.outbox o CROSS JOIN LATERAL regexp_split_to_table(rtrim(convert_from(o.body, 'UTF8'), E'\n'), E'\n') WITH ORDINALITY l (line, n)
    WHERE o.body <> '' AND l.line::jsonb ->> 'changes' <> '[]'
    ORDER BY o.xid, o.chunk, l.n $$;
-- Children go with their parents, grandchildren with them; who has none stays here.
INSERT INTO orders VALUES (1, 'meaux'), (2, 'sete'), (3, NULL), (4, 'meaux'), (5, 'meaux');
INSERT INTO items VALUES (10, 1, 1), (11, 1, 1), (20, 2, 1), (30, 3, 1), (40, 4, 1), (50, 5, 1), (60, NULL, 1);
INSERT INTO notes VALUES (100, 10, NULL, 'a'), (110, 11, NULL, 'b'), (200, 20, NULL, 'c'), (300, 30, NULL, 'd'), (500, 50, NULL, 'e');
UPDATE items SET qty = 2 WHERE id IN (10, 20, 30);
SELECT * FROM sent();
CALL forget();
-- Nobody knows where a row goes that comes before the one it refers to.
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO items VALUES (70, 7, 1);
ROLLBACK;
-- A parent that changes hands takes its children along, and theirs.
UPDATE orders SET branch = 'sete' WHERE id = 1;
UPDATE orders SET branch = 'sete' WHERE id = 3;
UPDATE orders SET branch = NULL WHERE id = 4;
SELECT * FROM sent();
CALL forget();
-- A child that goes to another parent; a parent that gets another key, or goes and takes its children with it.
UPDATE items SET order_id = 5 WHERE id = 11;
UPDATE orders SET id = 6 WHERE id = 5;
SELECT * FROM sent();
CALL forget();
DELETE FROM items WHERE id = 20;
DELETE FROM orders WHERE id = 6;
UPDATE orders SET branch = 'meaux', id = 8 WHERE id = 1;
SELECT * FROM sent();
CALL forget();
-- In one statement, and undone.
WITH moved AS (UPDATE orders SET branch = 'sete' WHERE id = 8 RETURNING id) UPDATE items SET qty = 7 FROM moved WHERE order_id = moved.id;
BEGIN;
SAVEPOINT a;
DELETE FROM orders WHERE id = 8;
ROLLBACK TO a;
UPDATE items SET qty = 8 WHERE id = 10;
COMMIT;
SELECT * FROM sent();
CALL forget();
-- What a branch may send: rows whose parents are its own, here.
INSERT INTO orders VALUES (9, 'meaux');
SELECT officesync.tick() IS NOT NULL AS tick;
UPDATE officesync.peer SET acknowledged_tick = (SELECT max(number) FROM officesync.tick) WHERE name IN ('meaux', 'sete');
CALL forget();
CREATE FUNCTION submit(tick bigint, changes text, OUT outcome text, OUT detail text) LANGUAGE sql AS $$
    SELECT outcome, detail FROM officesync.apply('meaux', 'inc-1', tick, tick - 1, 1, true, 0, NULL, NULL, 'meaux', 'identity',
        convert_to(format('{"version":1,"office":"meaux","incarnation":"inc-1","sequence":%s,"chunk":0,"last":true,"commit_time":"2024-01-01 10:00:00+00","changes":[%s]}' || E'\n', tick, changes), 'UTF8')) $$;
CREATE FUNCTION one(op text, new text, changed text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT format('{"table":["public","items"],"op":"%s","columns":["id","order_id","qty"],"key":["id"]%s,"rows":[[%s]]}', op, coalesce(',"changed":' || changed, ''), new) $$;
SELECT * FROM submit(1, one('insert', '90,9,1') || ',{"table":["public","notes"],"op":"insert","columns":["id","item_id","other","note"],"key":["id"],"rows":[[900,90,null,"x"]]}');
SELECT * FROM sent();
SELECT * FROM submit(2, one('insert', '91,8,1'));
SELECT * FROM submit(3, one('insert', '91,null,1'));
SELECT * FROM submit(4, one('update', '10,8,99,8', '["qty"]'));
SELECT * FROM submit(5, one('update', '10,9,8,8', '["order_id"]'));
SELECT * FROM submit(6, one('update', '90,8,1,9', '["order_id"]'));
SELECT * FROM submit(7, one('delete', '10,8,8'));
SELECT tick, reason FROM officesync.quarantine WHERE origin = 'meaux' ORDER BY id;
SELECT id, order_id, qty FROM items WHERE id IN (10, 90, 91) ORDER BY id;
-- One that the head gave to another office, which the branch has not heard yet: what it did is lost, and told so.
CALL forget();
UPDATE orders SET branch = 'sete' WHERE id = 9;
SELECT officesync.tick() IS NOT NULL AS tick;
SELECT * FROM submit(8, one('insert', '92,9,1') || ',' || one('update', '90,9,5,1', '["qty"]'));
SELECT id, order_id, qty FROM items WHERE id IN (90, 92) ORDER BY id;
SELECT kind, policy, winner, key, told_to FROM officesync.conflicts WHERE origin = 'meaux' ORDER BY id;
SELECT * FROM sent();
-- What a branch has of it.
SELECT officesync.scope_condition('notes', 'sete');
SELECT rows FROM officesync.range_digests('public', 'items', '{id}', '{id}', NULL, NULL, false, 1000, 1000, 'sete');
SELECT key FROM officesync.range_rows('public', 'notes', '{id}', '{id}', NULL, NULL, false, 1000, 'sete');
DROP TABLE notes, items, orders;
-- Partitioned by the branch: a row that changes hands is deleted from the one partition and inserted into the other.
CREATE TABLE orders (id int, branch text, PRIMARY KEY (id, branch)) PARTITION BY LIST (branch);
CREATE TABLE orders_m PARTITION OF orders FOR VALUES IN ('meaux');
CREATE TABLE orders_s PARTITION OF orders DEFAULT;
CREATE TABLE items (id int PRIMARY KEY, order_id int, branch text, FOREIGN KEY (branch, order_id) REFERENCES orders (branch, id) ON UPDATE CASCADE);
SELECT officesync.track('orders', branch_column => 'branch');
SELECT officesync.track('items', branch_path => 'order_id, branch -> orders');
INSERT INTO orders VALUES (1, 'meaux'), (2, 'sete');
INSERT INTO items VALUES (10, 1, 'meaux'), (20, 2, 'sete');
CALL forget();
UPDATE orders SET branch = 'sete' WHERE id = 1;
INSERT INTO orders_m VALUES (3, 'meaux');
SELECT * FROM sent();
CALL forget();
DROP TABLE items, orders;
-- A branch column that is an enum, and a key that is a domain: what belongs to their owner does not run with our rights.
CREATE TYPE site AS ENUM ('meaux', 'sete');
CREATE FUNCTION calls() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('public.calls_made'); RETURN true; END $$;
CREATE SEQUENCE calls_made;
CREATE FUNCTION site_text(site) RETURNS text LANGUAGE sql AS $$ SELECT 'cast' WHERE calls() $$;
CREATE CAST (site AS text) WITH FUNCTION site_text;
CREATE DOMAIN ident AS int CHECK (calls());
CREATE TABLE orders (id ident PRIMARY KEY, branch site);
CREATE TABLE items (id int PRIMARY KEY, order_id ident REFERENCES orders);
SELECT officesync.track('orders', branch_column => 'branch');
SELECT officesync.track('items', branch_path => 'order_id -> orders.branch');
INSERT INTO orders VALUES (1, 'meaux');
SELECT setval('calls_made', 1);
INSERT INTO items VALUES (10, 1);
SELECT last_value FROM calls_made;                  -- the user's own INSERT
SELECT query FROM officesync.scope_query('items');
CALL forget();
UPDATE orders SET branch = 'sete';
SELECT * FROM sent();
SELECT key FROM officesync.range_rows('public', 'items', '{id}', '{id}', NULL, NULL, false, 1000, 'sete');
CALL forget();
DROP TABLE items, orders;
DROP DOMAIN ident;
DROP TYPE site CASCADE;
DROP FUNCTION calls;
DROP SEQUENCE calls_made;
-- By a key that may be checked later: gone and there again, for another.
CREATE TABLE orders (id int PRIMARY KEY, branch text);
CREATE TABLE items (id int PRIMARY KEY, order_id int REFERENCES orders DEFERRABLE INITIALLY DEFERRED);
SELECT officesync.track('orders', branch_column => 'branch');
SELECT officesync.track('items', branch_path => 'order_id -> orders.branch');
INSERT INTO orders VALUES (1, 'meaux');
INSERT INTO items VALUES (10, 1);
CALL forget();
BEGIN; DELETE FROM orders; INSERT INTO orders VALUES (1, 'sete'); COMMIT;
SELECT * FROM sent();
DROP TABLE items, orders;
DROP FUNCTION sent, submit, one;
SELECT officesync.remove_branch('meaux'), officesync.remove_branch('sete');
DELETE FROM officesync.conflicts WHERE origin = 'meaux';
DELETE FROM officesync.quarantine WHERE origin = 'meaux';
CALL forget();
