-- At the head: changes that met changes their branch had not seen.
\set SHOW_CONTEXT never
DELETE FROM officesync.conflicts;
CREATE TABLE items (id int PRIMARY KEY, name text, price numeric, stock int, tags text[], facts jsonb, code text UNIQUE);
CREATE TABLE parents (id int PRIMARY KEY, name text);
CREATE TABLE children (id int PRIMARY KEY, parent int REFERENCES parents);
INSERT INTO items VALUES (1, 'tea', 2.50, 10, '{a,b}', '{"x": 1}', 'T'), (2, 'milk', 1, 5, '{}', '{}', 'M');
INSERT INTO parents VALUES (1, 'p'), (2, 'q');
SELECT officesync.track('items'), officesync.track('parents'), officesync.track('children');
SELECT start IS NOT NULL AS start FROM officesync.receive_hello('arles', 'inc-1', 'branch', NULL, NULL, 'arles');
-- tell(tick, changes): a tick of the branch, committed there when it says.
CREATE FUNCTION tell(tick bigint, changes text, commit_time text DEFAULT '2024-01-01 10:00:00+00') RETURNS text LANGUAGE sql AS $$
    SELECT outcome FROM officesync.apply('arles', 'inc-1', tick, tick - 1, 1, true, 0, NULL, NULL, 'arles', 'identity',
        convert_to(format('{"version":1,"office":"arles","incarnation":"inc-1","sequence":1,"chunk":0,"last":true,"commit_time":"%s","changes":[%s]}' || E'\n', commit_time, changes), 'UTF8')) $$;
CREATE FUNCTION item(op text, new text, changed text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT format('{"table":["public","items"],"op":"%s","columns":["id","name","price","stock","tags","facts","code"],"key":["id"]%s,"rows":[[%s]]}', op, coalesce(',"changed":' || changed, ''), new) $$;
CREATE FUNCTION of(name text, op text, columns text, new text) RETURNS text LANGUAGE sql AS $$
    SELECT format('{"table":["public","%s"],"op":"%s","columns":%s,"key":["id"],"rows":[[%s]]}', name, op, columns, new) $$;
CREATE FUNCTION ledger() RETURNS TABLE (kind text, policy text, winner text, state text, columns text[], base text, ours text, theirs text, result text) LANGUAGE sql AS $$
    WITH shown AS (DELETE FROM officesync.conflicts c RETURNING c.*)
    SELECT c.kind, c.policy, c.winner, c.state, c.columns, c.base ->> 'name', c.ours ->> 'name', c.theirs ->> 'name', c.result ->> 'name' FROM shown c ORDER BY c.id $$;
-- What the branch saw is what is here: no conflict, however old its clock is.
SELECT tell(1, item('update', '1,"green tea",2.50,10,"{a,b}","{\"x\": 1}","T","tea"', '["name"]'), '1999-01-01 00:00:00+00');
SELECT * FROM ledger();
-- Different columns go together; nothing is lost, nothing recorded.
UPDATE items SET price = 3 WHERE id = 1;
SELECT tell(2, item('update', '1,"green tea",2.50,9,"{a,b}","{\"x\": 1}","T",10', '["stock"]'));
SELECT id, name, price, stock FROM items WHERE id = 1;
SELECT * FROM ledger();
-- The same column: what was committed later stands, here the head's.
UPDATE items SET name = 'of the head' WHERE id = 1;
SELECT tell(3, item('update', '1,"of the branch",3,9,"{a,b}","{\"x\": 1}","T","green tea"', '["name"]'));
SELECT name FROM items WHERE id = 1;
SELECT * FROM ledger();
-- What was merged goes out whole, marked; the branch takes it as it stands.
SELECT regexp_replace(regexp_replace(line, '"(sequence|commit_time)":[^,]*', '"\1":...', 'g'), '"table":\["officesync".*$', '(ledger)') AS passed_on
FROM officesync.outbox o, regexp_split_to_table(convert_from(o.body, 'UTF8'), '\n') line WHERE line LIKE '%"origin_tick":3%';
-- A clock that runs ahead does not win for ever: its time counts as now.
SELECT tell(4, item('update', '1,"from the future",3,9,"{a,b}","{\"x\": 1}","T","green tea"', '["name"]'), '2199-01-01 00:00:00+00');
SELECT name FROM items WHERE id = 1;
SELECT theirs_at < clock_timestamp() AS capped FROM officesync.conflicts;
UPDATE items SET name = 'later, at the head' WHERE id = 1;
SELECT count(*) FROM officesync.outbox WHERE convert_from(body, 'UTF8') LIKE '%"commit_time":"2199%';
SELECT kind, winner FROM ledger();
-- Policies of columns.
SELECT officesync.set_policy('items', 'sum', 'stock'), officesync.set_policy('items', 'union', 'tags'),
       officesync.set_policy('items', 'union', 'facts'), officesync.set_policy('items', 'max', 'price'), officesync.set_policy('items', 'head_wins', 'name');
UPDATE items SET stock = stock - 4, tags = '{b,c}', facts = '{"x": 1, "h": 1}', price = 8, name = 'head' WHERE id = 1;
SELECT tell(5, item('update', '1,"branch",7,7,"{a,d}","{\"b\": 1}","T","later, at the head",3,9,"{a,b}","{\"x\": 1}"', '["name","price","stock","tags","facts"]'), '2199-01-01 00:00:00+00');
SELECT id, name, price, stock, tags, facts FROM items WHERE id = 1;
SELECT kind, policy, winner, columns FROM ledger();
-- A sum where both sold the same.
UPDATE items SET stock = 4 WHERE id = 1;
SELECT tell(6, item('update', '1,"head",8,4,"{a,d}","{}","T",5', '["stock"]'));
SELECT stock FROM items WHERE id = 1;
SELECT kind, policy, winner FROM ledger();
-- Rows against deletions.
DELETE FROM items WHERE id = 2;
SELECT tell(7, item('update', '2,"milk!",1,5,"{}","{}","M","milk"', '["name"]'), '2024-01-01 10:00:00+00');
SELECT * FROM ledger();
SELECT officesync.set_policy('items', 'last_update_wins', on_delete => 'update_wins');
SELECT tell(8, item('update', '2,"milk!!",1,5,"{}","{}","M","milk!"', '["name"]'), '2024-01-01 10:00:00+00');
SELECT * FROM ledger();
SELECT tell(9, item('delete', '2,"milk",1,5,"{}","{}","M"'));
SELECT id, name FROM items ORDER BY id;
SELECT * FROM ledger();
-- One key, two inserts; a unique value, two rows.
INSERT INTO items VALUES (3, 'third', 1, 1, '{}', '{}', '3');
SELECT tell(10, item('insert', '3,"third too",1,2,"{}","{}","3"'));
SELECT id, name, stock FROM items WHERE id = 3;
SELECT kind, policy, winner FROM ledger();
SELECT tell(11, item('insert', '4,"fourth",1,2,"{}","{}","3"') || ',' || item('insert', '5,"fifth",1,2,"{}","{}","5"'));
SELECT id, name FROM items ORDER BY id;
SELECT kind, state, theirs ->> 'name' AS theirs FROM officesync.conflicts;
SELECT officesync.resolve(max(id), '{"id": 4, "name": "fourth", "code": "4"}') FROM officesync.conflicts;
SELECT id, name, code FROM items WHERE id = 4;
SELECT state, resolved_by = current_user AS by_me FROM officesync.conflicts;
SELECT officesync.resolve(max(id)) FROM officesync.conflicts;
SELECT officesync.undo(-1);
SELECT count(*) FROM ledger();
-- A child without its parent, a parent with children the branch did not know of.
DELETE FROM parents WHERE id = 1;
SELECT tell(12, of('children', 'insert', '["id","parent"]', '1,1') || ',' || of('children', 'insert', '["id","parent"]', '2,2'));
SELECT * FROM children ORDER BY id;
SELECT kind, state, theirs FROM officesync.conflicts;
SELECT count(*) FROM ledger();
SELECT tell(13, of('parents', 'delete', '["id","name"]', '2,"q"'));
SELECT * FROM parents;
SELECT kind, state, ours FROM officesync.conflicts;
SELECT count(*) FROM ledger();
SELECT tell(14, of('children', 'delete', '["id","parent"]', '2,2') || ',' || of('parents', 'delete', '["id","name"]', '2,"q"'));
SELECT count(*) FROM parents;
-- References by the constraint's own equality: citext does not tell cases apart.
CREATE EXTENSION citext;
CREATE TABLE places (id citext PRIMARY KEY);
CREATE TABLE visits (id int PRIMARY KEY, place citext REFERENCES places);
SELECT officesync.track('places'), officesync.track('visits');
INSERT INTO places VALUES ('Paris');
SELECT tell(15, of('visits', 'insert', '["id","place"]', '1,"PARIS"'));
SELECT tell(16, of('places', 'delete', '["id"]', '"paris"'));
SELECT * FROM visits, places;
SELECT kind, key FROM officesync.conflicts;
SELECT count(*) FROM ledger();
-- The user's own function.
CREATE FUNCTION longest(base jsonb, ours jsonb, theirs jsonb, context jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT CASE WHEN ours ->> 'name' = 'ask' THEN NULL WHEN length(ours ->> 'name') > length(theirs ->> 'name') THEN ours ELSE theirs END $$;
SELECT officesync.set_policy('items', 'function public.longest');
UPDATE items SET name = 'short' WHERE id = 3;
SELECT tell(17, item('update', '3,"much longer",1,1,"{}","{}","3","x"', '["name"]'));
UPDATE items SET name = 'ask' WHERE id = 3;
SELECT tell(18, item('update', '3,"me",1,1,"{}","{}","3","y"', '["name"]'));
SELECT name FROM items WHERE id = 3;
SELECT kind, policy, winner, state FROM officesync.conflicts ORDER BY id;
-- Both deleted it: nothing is lost, and there is nothing for the function to decide; the entry travels.
DELETE FROM items WHERE id = 3;
SELECT count(*) AS ledger FROM ledger() \gset
SELECT tell(19, item('delete', '3,"me",1,1,"{}","{}","3"'));
SELECT kind, winner, state, base, result FROM officesync.conflicts;
SELECT convert_from(body, 'UTF8') LIKE '%"merged":true%' AS merged FROM officesync.outbox WHERE convert_from(body, 'UTF8') LIKE '%"origin_tick":19%';
-- What is old is forgotten by itself, where that is asked for; what is parked stays.
SELECT officesync.prune();
SELECT count(*) FROM officesync.conflicts;
SET officesync.keep_conflicts = '1 hour';
SELECT officesync.prune();
SELECT count(*) FROM officesync.conflicts;
UPDATE officesync.conflicts SET recorded_at = recorded_at - interval '2 hours';
INSERT INTO officesync.conflicts SELECT (json_populate_record(c, '{"id": 0, "state": "parked"}')).* FROM officesync.conflicts c;
SELECT officesync.prune();
SELECT state FROM officesync.conflicts;
RESET officesync.keep_conflicts;
-- What the head's table does not admit, perhaps since the branch wrote it, waits for a person; the rest goes on.
DELETE FROM officesync.conflicts;
ALTER TABLE items ADD CHECK (stock < 100), ALTER name SET NOT NULL;
SELECT tell(20, item('insert', '7,"seven",1,200,"{}","{}","7"') || ',' || item('insert', '8,null,1,1,"{}","{}","8"') || ',' || item('insert', '9,"nine",1,1,"{}","{}","9"'));
SELECT tell(21, item('update', '9,null,1,1,"{}","{}","9","nine"', '["name"]'));
SELECT id, name, stock FROM items WHERE id > 6 ORDER BY id;
SELECT kind, state, theirs ->> 'id' AS id, theirs ->> 'name' AS name, ours ->> 'name' AS ours FROM officesync.conflicts ORDER BY id;
-- A row that was deleted under a key that is none any more does not come back.
CREATE TABLE renumbered (id int PRIMARY KEY, code text NOT NULL);
SELECT officesync.track('renumbered');
INSERT INTO renumbered VALUES (1, 'A'), (2, 'B');
DELETE FROM renumbered WHERE id = 1;
ALTER TABLE renumbered DROP CONSTRAINT renumbered_pkey, ADD PRIMARY KEY (code);
DELETE FROM officesync.conflicts;
SELECT tell(22, '{"table":["public","renumbered"],"op":"update","columns":["id","code"],"key":["id"],"changed":["id"],"rows":[[11,"A",1]]}');
SELECT * FROM renumbered;
SELECT kind, winner FROM officesync.conflicts;
-- Mistakes.
SELECT officesync.set_policy('items', 'sometimes');
SELECT officesync.set_policy('items', 'sum');
SELECT officesync.set_policy('items', 'sum', 'name');
SELECT officesync.set_policy('items', 'union', 'name');
SELECT officesync.set_policy('items', 'max', 'nothing');
SELECT officesync.set_policy('items', 'park', on_delete => 'never');
SELECT officesync.set_policy('items', 'function nobody');
SELECT officesync.set_policy('pg_class', 'park');
SELECT officesync.set_policy(NULL, NULL);
SELECT officesync.forget_conflicts('0');
DELETE FROM officesync.conflicts;
DELETE FROM officesync.policy;
DROP TABLE items, children, parents, visits, places, renumbered;
DROP EXTENSION citext;
DROP FUNCTION tell, item, of, ledger, longest;
CALL forget();
