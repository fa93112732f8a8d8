-- A partitioned table goes by its own name, however its partitions are written, come and go.
\set SHOW_CONTEXT never
CREATE TABLE p (id int, k text, PRIMARY KEY (id, k)) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20) PARTITION BY LIST (k);
CREATE TABLE p2a PARTITION OF p2 FOR VALUES IN ('a');
INSERT INTO p VALUES (9, 'before tracking');
SELECT officesync.track('p');
SELECT lines();                                     -- nothing: tracking takes no rows along
INSERT INTO p2a VALUES (11, 'a');
COPY p1 FROM stdin;
1	one
2	two
\.
UPDATE p SET id = 12, k = 'a' WHERE id = 1;         -- moves
SELECT lines();
CALL forget();
-- TRUNCATE of a partition takes only its rows; of the table, the table.
TRUNCATE p2a;
TRUNCATE p2;
SELECT lines();
CALL forget();
INSERT INTO p1 VALUES (3, 'three');
CALL forget();
TRUNCATE p;
TRUNCATE p1, p;
SELECT lines();
CALL forget();
BEGIN;
INSERT INTO p1 VALUES (4, 'four');
SAVEPOINT s;
TRUNCATE p1;
ROLLBACK TO s;
COMMIT;
SELECT lines();
CALL forget();
-- Created later, attached with rows, one level deeper too.
CREATE TABLE p2b PARTITION OF p2 FOR VALUES IN ('b');
INSERT INTO p2b VALUES (13, 'b');
CREATE TABLE p3 (k text NOT NULL, dropped int, id int NOT NULL, PRIMARY KEY (id, k));
ALTER TABLE p3 DROP COLUMN dropped;
INSERT INTO p3 VALUES ('x', 20), ('y', 21);
ALTER TABLE p ATTACH PARTITION p3 FOR VALUES FROM (20) TO (30);
INSERT INTO p3 VALUES ('z', 22);
CREATE TABLE p4 (id int NOT NULL, k text NOT NULL, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
CREATE TABLE p4a PARTITION OF p4 FOR VALUES IN ('a');
INSERT INTO p4a VALUES (30, 'a');
ALTER TABLE p ATTACH PARTITION p4 FOR VALUES FROM (30) TO (40);
SET session_replication_role = replica;
INSERT INTO p4a VALUES (31, 'a');
INSERT INTO p2b VALUES (14, 'b');
RESET session_replication_role;
SELECT lines();
CALL forget();
SELECT * FROM officesync.check();
-- Detached or dropped: its rows are gone from the table.
ALTER TABLE p DETACH PARTITION p3;
INSERT INTO p3 VALUES ('free', 23);
TRUNCATE p3;
SELECT tgname FROM pg_trigger WHERE tgrelid = 'p3'::regclass;
SELECT lines();
CALL forget();
DROP TABLE p2b, p3;
SELECT lines();
CALL forget();
BEGIN;
DROP TABLE p4;
ROLLBACK;
SELECT lines();
ALTER TABLE p DETACH PARTITION p4;
SELECT lines();
CALL forget();
SELECT * FROM officesync.check();
-- Tracked again, and untracked: the triggers of all its partitions come and go.
DROP TRIGGER "00_officesync_truncating" ON p1;
SELECT object, problem, remedy FROM officesync.check();
SELECT officesync.track('p');
SELECT * FROM officesync.check();
SELECT officesync.track('p', 'down');
SELECT lines();
SELECT officesync.untrack('p', force => true);
SELECT count(*) FROM pg_trigger WHERE tgname LIKE '%officesync%' AND tgrelid NOT IN ('officesync.conflicts'::regclass, 'officesync.policy'::regclass);
-- Who may not drop a table leaves no trace.
SELECT officesync.track('p');
CREATE ROLE stranger;
SET ROLE stranger;
DROP TABLE public.p1;
RESET ROLE;
DROP ROLE stranger;
SELECT lines();
DROP TABLE p, p4;
CALL forget();
