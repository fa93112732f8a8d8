-- Rows without a key of their own are found by all their values; of those that are alike, one at a time.
\set SHOW_CONTEXT never
CREATE TABLE f (a int, b text, j json, at point, n numeric);
ALTER TABLE f REPLICA IDENTITY FULL;
SELECT officesync.track('f');
INSERT INTO f VALUES (1, 'x', '{"a":1,"a":2}', '(1,2)', 1.0);
UPDATE f SET b = NULL;
DELETE FROM f;
SELECT lines();
CALL forget();
-- next(changes): the next tick of the branch.
CREATE FUNCTION next(changes text) RETURNS TABLE (outcome text, changed bigint) LANGUAGE sql AS $$
    SELECT s.outcome, s.changed FROM officesync.offices o, send(o.applied_tick + 1, changes) s WHERE o.office = 'lyon' $$;
CREATE FUNCTION of_f(op text, rows text, changed text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT format('{"table":["public","f"],"op":"%s","columns":["a","b","j","at","n"],"key":["a","b","j","at","n"]%s,"rows":[%s]}', op, coalesce(',"changed":' || changed, ''), rows) $$;
SELECT * FROM next(of_f('insert', '[1,"x",null,"(1,2)",1.0],[1,"x",null,"(1,2)",1.0],[1,"x",null,"(1,2)",1.00],[null,null,null,null,null],[2,"",null,null,null],[2,null,"{\"a\": 1}",null,null]'));
-- Few rows, and many: both ways of writing.
SELECT * FROM next(of_f('update', '[5,"x",null,"(1,2)",1.0,1]', '["a"]'));
SELECT * FROM next(of_f('delete', '[2,"",null,null,null]'));
SELECT * FROM f ORDER BY a, b, n::text;
SELECT * FROM next(of_f('insert', '[7,"same",null,null,null],[7,"same",null,null,null],[7,"same",null,null,null],[7,"same",null,null,null],[7,"same",null,null,null],[7,"same",null,null,null]'));
SELECT * FROM next(of_f('update', '[8,"same",null,null,null,7],[8,"same",null,null,null,7],[8,"same",null,null,null,7],[9,"same",null,null,null,8]', '["a"]') || ',' ||
    of_f('delete', '[7,"same",null,null,null],[7,"same",null,null,null],[2,null,"{\"a\": 1}",null,null]'));
SELECT a, count(*) FROM f GROUP BY a ORDER BY a;
SELECT * FROM next(of_f('delete', '[8,"none such",null,null,null]'));
SELECT * FROM next(of_f('delete', '[7,"same",null,null,null],[7,"same",null,null,null],[8,"same",null,null,null],[8,"same",null,null,null],[9,"same",null,null,null]'));
SELECT * FROM next(of_f('delete', '[1,"x",null,"(1,2)",1.00],[7,"same",null,null,null],[8,"same",null,null,null],[8,"same",null,null,null],[9,"same",null,null,null],[null,null,null,null,null]'));
SELECT a, count(*) FROM f GROUP BY a ORDER BY a;
-- An index over any column that is never null is made use of.
TRUNCATE f;
INSERT INTO f SELECT g, 'many' FROM generate_series(1, 20000) g;
ALTER TABLE f ALTER a SET NOT NULL;
CREATE INDEX ON f (a);
ANALYZE f;
SELECT * FROM next(of_f('update', '[77,"found",null,null,null,"many"]', '["b"]'));
SELECT * FROM f WHERE b = 'found';
-- At an office where there is a unique index, that is the key.
CREATE UNIQUE INDEX ON f (a);
SELECT * FROM next(of_f('update', '[77,"found again",null,null,null,"whatever it was"]', '["b"]'));
SELECT * FROM f WHERE b ~ 'found';
-- Partitioned: rows that are alike in their place may lie in different partitions.
CREATE TABLE pf (a int, b int) PARTITION BY LIST (a);
CREATE TABLE pf1 PARTITION OF pf FOR VALUES IN (1);
CREATE TABLE pf2 PARTITION OF pf FOR VALUES IN (2);
ALTER TABLE pf REPLICA IDENTITY FULL;
SELECT officesync.track('pf');
SELECT * FROM next('{"table":["public","pf"],"op":"insert","columns":["a","b"],"key":["a","b"],"rows":[[1,1],[2,1],[1,1],[2,1],[1,2]]}');
SELECT * FROM next('{"table":["public","pf"],"op":"update","columns":["a","b"],"key":["a","b"],"changed":["a"],"rows":[[2,1,1]]},' ||
    '{"table":["public","pf"],"op":"delete","columns":["a","b"],"key":["a","b"],"rows":[[2,1],[1,2]]}');
SELECT tableoid::regclass, * FROM pf ORDER BY 1, 2, 3;
-- A primary key that is checked at the end of the transaction: keys may pass through the same value.
CREATE TABLE d (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, x text);
SELECT officesync.track('d');
INSERT INTO d VALUES (1, 'a'), (2, 'b');
CALL forget();
BEGIN;
UPDATE d SET id = 2 WHERE x = 'a';
UPDATE d SET id = 1 WHERE x = 'b';
COMMIT;
SELECT lines();
SELECT * FROM next('{"table":["public","d"],"op":"update","columns":["id","x"],"key":["id","x"],"changed":["id"],"rows":[[1,"a",2],[2,"b",1]]}');
SELECT * FROM d ORDER BY id;
SELECT * FROM next('{"table":["public","d"],"op":"update","columns":["id","x"],"key":["id","x"],"changed":["id"],"rows":[[2,"a",1]]},' ||
    '{"table":["public","d"],"op":"update","columns":["id","x"],"key":["id","x"],"changed":["x"],"rows":[[2,"c","a"]]},' ||
    '{"table":["public","d"],"op":"update","columns":["id","x"],"key":["id","x"],"changed":["id"],"rows":[[1,"b",2]]}');
SELECT * FROM d ORDER BY id;
DROP TABLE f, pf, d;
DROP FUNCTION of_f;
CALL forget();
