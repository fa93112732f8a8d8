-- A tick is made only when there is something new, and pins what its batch is.
\set SHOW_CONTEXT never
CREATE TABLE t (id int PRIMARY KEY);
SELECT officesync.track('t');
SELECT officesync.tick() IS NULL AS nothing;
SELECT max(number) AS base FROM officesync.tick \gset
BEGIN; INSERT INTO t VALUES (1); ROLLBACK;
SELECT officesync.tick() IS NULL AS still_nothing;
INSERT INTO t VALUES (2);
INSERT INTO t VALUES (3);
SELECT officesync.tick() - :base AS first;
SELECT officesync.tick() IS NULL AS nothing_more;
SELECT officesync.tick(:base) - :base AS made_by_someone_else;
SELECT officesync.tick(:base + 1) IS NULL AS known;
INSERT INTO t VALUES (4);
SELECT officesync.tick() - :base AS second;
SELECT number - :base AS number, previous - :base AS previous, transactions, changes FROM officesync.tick
WHERE number > :base ORDER BY number;
SELECT tick - :base AS tick, previous - :base AS previous FROM officesync.ticks_after(:base, 10);
SELECT tick - :base AS tick FROM officesync.ticks_after(:base + 1, 10);
SELECT tick - :base AS tick FROM officesync.ticks_after(:base, 1);
-- The tick's own commit is synchronous whatever the session says.
SET synchronous_commit = off;
INSERT INTO t VALUES (5);
BEGIN;
SELECT officesync.tick() - :base AS third;
SHOW synchronous_commit;
COMMIT;
RESET synchronous_commit;
-- Trap: a cached sequence would hand out numbers in the wrong order; check() sees it.
ALTER SEQUENCE officesync.outbox_sequence CACHE 20;
SELECT severity, object, problem, remedy FROM officesync.check();
ALTER SEQUENCE officesync.outbox_sequence CACHE 1;
SELECT count(*) FROM officesync.check();
CALL forget();
DROP TABLE t;
