-- Every kind of change becomes a line, and only what was committed does.
\set SHOW_CONTEXT never
CREATE TABLE t (id int PRIMARY KEY, x text, y int);
SELECT officesync.track('t');
INSERT INTO t VALUES (1, 'a', 1), (2, 'b', NULL);
UPDATE t SET x = 'c' WHERE id = 1;
UPDATE t SET y = y + 1;                             -- NULL stays NULL: that row is not recorded
UPDATE t SET id = 3 WHERE id = 2;
DELETE FROM t WHERE id = 3;
SELECT lines();
CALL forget();
-- One transaction is one line; consecutive changes of one kind share a group.
BEGIN;
INSERT INTO t VALUES (4, 'd', 4);
INSERT INTO t VALUES (5, 'e', 5);
UPDATE t SET x = 'f' WHERE id = 4;
COMMIT;
SELECT lines();
CALL forget();
BEGIN;
INSERT INTO t VALUES (6, 'never', 6);
ROLLBACK;
COPY t FROM stdin;
7	copied	\N
8	"quo\\te"	8
\.
INSERT INTO t VALUES (8, 'upsert', 9) ON CONFLICT (id) DO UPDATE SET x = excluded.x;
WITH gone AS (DELETE FROM t WHERE id = 7 RETURNING *) INSERT INTO t SELECT id + 10, x, y FROM gone;
TRUNCATE t;
SELECT lines();
CALL forget();
-- An update that changes nothing is nothing.
INSERT INTO t VALUES (1, 'a', 1);
CALL forget();
UPDATE t SET x = x;
SELECT lines();
-- A user's AFTER trigger makes its change after ours has seen the row.
CREATE TABLE log (id int PRIMARY KEY, said text);
SELECT officesync.track('log');
CREATE FUNCTION log_it() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO log VALUES (new.id, new.x); RETURN NULL; END $$;
CREATE TRIGGER a_log AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION log_it();
INSERT INTO t VALUES (20, 'logged', 0);
SELECT lines();
CALL forget();
-- Generated columns do not travel; dropped ones leave no gap.
CREATE TABLE g (id int PRIMARY KEY, gone int, a int, twice int GENERATED ALWAYS AS (a * 2) STORED);
ALTER TABLE g DROP COLUMN gone;
SELECT officesync.track('g');
INSERT INTO g (id, a) VALUES (1, 21);
-- A column added or renamed later is seen at once.
ALTER TABLE g ADD COLUMN b text DEFAULT 'new';
UPDATE g SET a = 22;
ALTER TABLE g RENAME COLUMN a TO amount;
ALTER TABLE g RENAME TO h;
INSERT INTO h (id, amount) VALUES (2, 1);
SELECT lines();
CALL forget();
-- Of a row that the head deletes its keys are told: the one by which it is found, and the primary one.
CREATE TABLE k (x text, id int PRIMARY KEY, at date, code text NOT NULL UNIQUE);
ALTER TABLE k REPLICA IDENTITY USING INDEX k_code_key;
SELECT officesync.track('k');
INSERT INTO k VALUES ('a', 1, '2024-01-01', 'A'), ('b', 2, '2024-01-01', 'B'), ('c', 3, '2024-01-01', 'C');
CALL forget();
DELETE FROM k WHERE id = 1;
ALTER TABLE k REPLICA IDENTITY DEFAULT;
DELETE FROM k WHERE id = 2;
ALTER TABLE k REPLICA IDENTITY FULL;
DELETE FROM k WHERE id = 3;
SELECT lines();
CALL forget();
DROP TABLE t, log, h, k;
DROP FUNCTION log_it;
