-- Capture is not silenced by the replica role, and a disabled trigger is found.
\set SHOW_CONTEXT never
CREATE TABLE t (id int PRIMARY KEY);
SELECT officesync.track('t');
SET session_replication_role = replica;
INSERT INTO t VALUES (1);
TRUNCATE t;
RESET session_replication_role;
SELECT lines();
CALL forget();
ALTER TABLE t DISABLE TRIGGER ALL;                  -- what pg_restore --disable-triggers does
INSERT INTO t VALUES (2);
SELECT lines();
SELECT severity, object, problem FROM officesync.check();
ALTER TABLE t ENABLE TRIGGER ALL;                   -- and how it ends: not ALWAYS any more
SELECT severity, object, problem FROM officesync.check();
SELECT officesync.track('t');                       -- the remedy
SELECT count(*) FROM officesync.check();
DROP TRIGGER "00_officesync_truncate" ON t;
SELECT severity, object, problem FROM officesync.check();
SELECT officesync.track('t');
ALTER TABLE t DROP CONSTRAINT t_pkey;
SELECT severity, object, problem FROM officesync.check();
DROP TABLE t;
-- The trigger function is of no use elsewhere.
CREATE TABLE x (id int);
CREATE TRIGGER b BEFORE INSERT ON x FOR EACH ROW EXECUTE FUNCTION officesync.capture();
INSERT INTO x VALUES (1);
DROP TABLE x;
