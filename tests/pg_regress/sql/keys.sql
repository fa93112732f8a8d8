-- Keys that PostgreSQL finds equal though they are written differently, keys of types that an extension
-- brought, keys that an UPDATE may not set, and values handed on.
\set SHOW_CONTEXT never
CREATE SCHEMA contrib;
CREATE EXTENSION citext SCHEMA contrib;
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE k (c contrib.citext, n numeric, h char(6), x text COLLATE nocase, v int, PRIMARY KEY (c, n, h, x));
SELECT officesync.track('k');
INSERT INTO k VALUES ('Ab', 1.0, 'x', 'Yz', 0);
UPDATE k SET c = 'aB', n = 1.00, x = 'yZ';          -- equal, and yet another text
SELECT lines();
CREATE FUNCTION of_k(op text, rows text, changed text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT format('{"table":["public","k"],"op":"%s","columns":["c","n","h","x","v"],"key":["c","n","h","x"]%s,"rows":[%s]}', op, coalesce(',"changed":' || changed, ''), rows) $$;
SELECT * FROM next(of_k('update', '["AB",1.000,"x","yz",1,0]', '["v"]'));
SELECT * FROM k;
SELECT * FROM next(of_k('update', '["z",2,"x","yz",1,"AB",1.000]', '["c","n"]'));
SELECT * FROM k;
SELECT * FROM next(of_k('delete', '["Z",2.0,"x     ","YZ",1]'));
SELECT count(*) FROM k;
-- The index is used, though its operator lies in another schema.
INSERT INTO k SELECT 'key ' || g, 1, 'x', 'x', g FROM generate_series(1, 30000) g;
ANALYZE k;
SELECT pg_stat_force_next_flush();
SELECT idx_scan AS before FROM pg_stat_user_indexes WHERE indexrelname = 'k_pkey' \gset
SELECT * FROM next(of_k('update', '["KEY 777",1,"x","X",-1,777]', '["v"]'));
SELECT * FROM k WHERE v = -1;
SELECT pg_stat_force_next_flush();
SELECT idx_scan > :before AS by_index FROM pg_stat_user_indexes WHERE indexrelname = 'k_pkey';
-- An identity column GENERATED ALWAYS can only be set to its default, and that is another value here.
CREATE TABLE i (id int GENERATED ALWAYS AS IDENTITY (MAXVALUE 1000) PRIMARY KEY, x text UNIQUE, twice text GENERATED ALWAYS AS (x || x) STORED, local text DEFAULT 'ours');
SELECT officesync.track('i');
CALL forget();
INSERT INTO i (x) VALUES ('a');
UPDATE i SET id = DEFAULT;
SELECT lines();
UPDATE i SET local = 'kept here';
SELECT * FROM next('{"table":["public","i"],"op":"update","columns":["id","x"],"key":["id"],"changed":["id"],"rows":[[7,"a",2]]}');
SELECT * FROM i;
SELECT * FROM next('{"table":["public","i"],"op":"insert","columns":["id","x"],"key":["id"],"rows":[[8,"b"],[9,"c"],[10,"d"],[11,"e"]]},' ||
    '{"table":["public","i"],"op":"update","columns":["id","x"],"key":["id"],"changed":["id"],"rows":[[12,"a",7],[13,"b",8],[14,"c",9],[15,"d",10],[16,"e",11]]}');
SELECT * FROM i ORDER BY id;
CREATE TABLE g (id int PRIMARY KEY, a int, b int, twice int GENERATED ALWAYS AS (a * 2) STORED);
SELECT officesync.track('g');
SELECT * FROM next('{"table":["public","g"],"op":"insert","columns":["id","a","b"],"key":["id"],"rows":[[1,1,1],[2,2,2]]}');
SELECT * FROM next('{"table":["public","g"],"op":"update","columns":["id","a","b"],"key":["id"],"changed":["b"],"rows":[[1,1,9,1]]},' ||
    '{"table":["public","g"],"op":"update","columns":["id","a","b"],"key":["id"],"changed":["a"],"rows":[[2,7,2,2]]},' ||
    '{"table":["public","g"],"op":"insert","columns":["id","a","b"],"key":["id"],"rows":[[3,3,3]]}');
SELECT * FROM g ORDER BY id;
DROP TABLE g;
-- Triggers that fire for what arrives too have the rights of the table's owner, and no others.
CREATE ROLE keeper;
CREATE TABLE a (id int PRIMARY KEY);
CREATE TABLE seen (by_whom text);
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen VALUES (current_user); RETURN NULL; END $$;
CREATE TRIGGER see AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION see();
ALTER TABLE a ENABLE ALWAYS TRIGGER see;
ALTER TABLE a OWNER TO keeper; ALTER TABLE seen OWNER TO keeper;
SELECT officesync.track('a');
SELECT * FROM next('{"table":["public","a"],"op":"insert","columns":["id"],"key":["id"],"rows":[[1],[2]]}');
SELECT * FROM seen;
DROP TABLE a, seen; DROP FUNCTION see; DROP ROLE keeper;
-- Unique values that change hands within one statement, and within one transaction.
CREATE TABLE s (id int PRIMARY KEY, slot int UNIQUE DEFERRABLE INITIALLY IMMEDIATE, name text UNIQUE);
SELECT officesync.track('s');
CALL forget();
INSERT INTO s VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c'), (4, 4, 'd'), (5, 5, 'e'), (6, 6, 'f');
UPDATE s SET slot = CASE slot WHEN 1 THEN 2 ELSE 1 END WHERE slot < 3;
SELECT lines();
SELECT * FROM next('{"table":["public","s"],"op":"update","columns":["id","slot","name"],"key":["id"],"changed":["slot"],"rows":[[1,1,"a",2],[2,2,"b",1],[3,4,"c",3],[4,5,"d",4],[5,6,"e",5],[6,3,"f",6]]}');
SELECT * FROM next('{"table":["public","s"],"op":"update","columns":["id","slot","name"],"key":["id"],"changed":["name"],"rows":[[1,1,"-","a"],[2,2,"a","b"],[3,4,"b","c"],[4,5,"c","d"],[5,6,"d","e"],[6,3,"e","f"]]}');
SELECT * FROM next('{"table":["public","s"],"op":"update","columns":["id","slot","name"],"key":["id"],"changed":["id"],"rows":[[16,3,"e",6],[15,6,"d",5],[14,5,"c",4],[13,4,"b",3],[12,2,"a",2],[11,1,"-",1]]}');
SELECT * FROM s ORDER BY id;
-- Truncated with a table that is not tracked but refers to it.
CREATE TABLE refers (id int REFERENCES s);
INSERT INTO refers VALUES (11);
SELECT * FROM next('{"table":["public","s"],"op":"truncate","restart_identity":false}');
SELECT count(*) FROM s;
-- What a type's input function takes, a cast need not.
CREATE DOMAIN never_null AS text NOT NULL CHECK (VALUE <> '');
CREATE TABLE o (id int PRIMARY KEY, r regclass, c "char", n name, x xml, d never_null);
SELECT officesync.track('o');
SELECT * FROM next('{"table":["public","o"],"op":"insert","columns":["id","r","c","n","x","d"],"key":["id"],"rows":[[1,"-","","n","<a/>b","d"],[2,"99999","x",null,null,"d"],[3,null,null,null,null,"d"]]}');
SELECT * FROM o ORDER BY id;
SELECT * FROM next('{"table":["public","o"],"op":"insert","columns":["id","d"],"key":["id"],"rows":[[4,null]]}');
SELECT * FROM next('{"table":["public","o"],"op":"insert","columns":["id","d"],"key":["id"],"rows":[[4,""]]}');
SELECT kind, theirs FROM officesync.conflicts WHERE kind = 'constraint_violated' ORDER BY id;
DELETE FROM officesync.conflicts WHERE kind = 'constraint_violated';
DROP TABLE o; DROP DOMAIN never_null;
DROP TABLE k, i, s, refers;
DROP FUNCTION of_k;
DROP EXTENSION citext;
DROP SCHEMA contrib;
DROP COLLATION nocase;
CALL forget();
