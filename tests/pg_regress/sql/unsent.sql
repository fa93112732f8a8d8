-- What is unsent is not thrown away by accident.
\set SHOW_CONTEXT never
CREATE TABLE t (id int PRIMARY KEY);
SELECT officesync.track('t');
INSERT INTO t VALUES (1);
SELECT unsent_changes FROM officesync.outbox_status;
SELECT officesync.untrack('t');
DROP EXTENSION officesync CASCADE;
DROP EXTENSION IF EXISTS plpgsql_check;             -- other extensions are none of our business
SELECT officesync.tick() AS tick \gset
SELECT officesync.untrack('t');
SELECT officesync.settle(:tick);
SELECT unsent_changes FROM officesync.outbox_status;
SELECT officesync.untrack('t');
SELECT officesync.track('t');
INSERT INTO t VALUES (2);
SELECT officesync.untrack('t', force => true);
SELECT officesync.track('t');
INSERT INTO t VALUES (3);
SET officesync.force = on;
SET client_min_messages = warning;
DROP EXTENSION officesync CASCADE;
SELECT nspname FROM pg_namespace WHERE nspname = 'officesync';
INSERT INTO t VALUES (4);
DROP TABLE t;
