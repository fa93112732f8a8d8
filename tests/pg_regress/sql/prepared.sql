-- Two-phase commit: delivered when committed, and nobody waits for it meanwhile.
\set SHOW_CONTEXT never
CREATE TABLE t (id int PRIMARY KEY, x text);
SELECT officesync.track('t');
SELECT officesync.tick() IS NULL AS nothing_new;
BEGIN;
INSERT INTO t VALUES (1, 'prepared');
PREPARE TRANSACTION 'one';
BEGIN;
INSERT INTO t VALUES (2, 'prepared and rolled back');
PREPARE TRANSACTION 'two';
SELECT lines();
INSERT INTO t VALUES (3, 'in between');
SELECT officesync.tick() AS first \gset
COMMIT PREPARED 'one';
ROLLBACK PREPARED 'two';
SELECT officesync.tick() AS second \gset
SELECT :second - :first AS one_later;
SELECT officesync.tick() IS NULL AS nothing_new;
SELECT t.number - :first + 1 AS batch, regexp_replace(convert_from(d.body, 'UTF8'), '.*"rows":', '') AS rows
FROM officesync.tick t, officesync.drain(t.number, 0, -1) d WHERE t.number >= :first;
CALL forget();
DROP TABLE t;
