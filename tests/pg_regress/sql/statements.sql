-- Every kind of statement, as the rows it changed; cascades once.
\set SHOW_CONTEXT never
CREATE TABLE t (id int PRIMARY KEY, x text, n int NOT NULL DEFAULT 0);
CREATE TABLE c (id int PRIMARY KEY, t_id int REFERENCES t ON DELETE CASCADE ON UPDATE CASCADE, o_id int REFERENCES t ON DELETE SET NULL);
SELECT officesync.track('t'), officesync.track('c');
CREATE FUNCTION changes() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT (c #>> '{table,1}') || ' ' || (c ->> 'op') || coalesce(' ' || (r #>> '{}'), '')
    FROM lines() l CROSS JOIN json_array_elements((regexp_replace(replace(l, '{...', '{"v":1'), ':[NT]([,}])', ':0\1', 'g'))::json -> 'changes') c
    LEFT JOIN json_array_elements(c -> 'rows') r ON true $$;
CREATE PROCEDURE show() LANGUAGE plpgsql AS $$ DECLARE l text; BEGIN
    FOR l IN SELECT changes() LOOP RAISE INFO '%', l; END LOOP; DELETE FROM officesync.outbox; END $$;
INSERT INTO t SELECT g, 'row ' || g FROM generate_series(1, 3) g;
INSERT INTO t VALUES (3, 'new', 1), (4, 'four', 1) ON CONFLICT (id) DO UPDATE SET x = excluded.x, n = t.n + 1;
INSERT INTO t VALUES (4, 'not') ON CONFLICT DO NOTHING;
CALL show();
COPY t (id, x) FROM stdin WITH (FORMAT csv);
5,"a, b"
6,
\.
CALL show();
UPDATE t SET n = v.n FROM (VALUES (1, 10), (2, 20)) v (id, n) WHERE v.id = t.id;
WITH gone AS (DELETE FROM t WHERE id = 6 RETURNING *), moved AS (INSERT INTO t SELECT id + 10, x, n FROM gone RETURNING *)
UPDATE t SET n = (SELECT count(*) FROM moved) WHERE id = 5;
MERGE INTO t USING (VALUES (1, 'gone'), (2, 'merged'), (20, 'made')) v (id, x) ON t.id = v.id
    WHEN MATCHED AND v.x = 'gone' THEN DELETE WHEN MATCHED THEN UPDATE SET x = v.x WHEN NOT MATCHED THEN INSERT VALUES (v.id, v.x);
CALL show();
DO $$ BEGIN
    INSERT INTO t VALUES (30, 'kept');
    BEGIN INSERT INTO t VALUES (31, 'undone'); PERFORM 1/0; EXCEPTION WHEN division_by_zero THEN NULL; END;
    FOR i IN 1..2 LOOP UPDATE t SET n = n + 1 WHERE id = 30; END LOOP;
END $$;
CALL show();
-- Rules and views with triggers come down to statements on the table.
CREATE VIEW v AS SELECT id, x FROM t;
CREATE RULE add AS ON INSERT TO v DO INSTEAD INSERT INTO t VALUES (new.id, 'by rule ' || new.x);
INSERT INTO v VALUES (40, 'r');
UPDATE v SET x = 'through the view' WHERE id = 40;
CREATE FUNCTION instead() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM t WHERE id = OLD.id; RETURN OLD; END $$;
CREATE TRIGGER instead INSTEAD OF DELETE ON v FOR EACH ROW EXECUTE FUNCTION instead();
DELETE FROM v WHERE id = 40;
CALL show();
-- Triggers that change or suppress the row, and one that waits for the commit.
CREATE FUNCTION before() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.x = 'no' THEN RETURN NULL; END IF; NEW.x := upper(NEW.x); RETURN NEW; END $$;
CREATE TRIGGER before BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION before();
CREATE FUNCTION later() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO c VALUES (NEW.id, NEW.id); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION later();
BEGIN;
INSERT INTO t VALUES (50, 'loud'), (51, 'no'), (52, 'yes');
UPDATE t SET n = 1 WHERE id = 50;
COMMIT;
CALL show();
DROP TRIGGER later ON t; DROP TRIGGER before ON t;
-- What a foreign key does is captured once.
INSERT INTO c VALUES (1, 50, 2), (2, 50, 2);
CALL show();
UPDATE t SET id = 60 WHERE id = 50;
DELETE FROM t WHERE id = 2;
DELETE FROM t WHERE id = 60;
CALL show();
-- Two-phase commit, replica role, a lock, savepoints.
BEGIN;
LOCK TABLE t IN ACCESS EXCLUSIVE MODE;
SET LOCAL session_replication_role = replica;
INSERT INTO t VALUES (70, 'a');
SAVEPOINT a; UPDATE t SET x = 'b' WHERE id = 70; SAVEPOINT b; DELETE FROM t WHERE id = 70; ROLLBACK TO b; RELEASE a;
SAVEPOINT a; INSERT INTO t VALUES (71, 'gone'); ROLLBACK TO a; INSERT INTO t VALUES (71, 'again'); ROLLBACK TO a;
COMMIT;
CALL show();
-- A column that changes its type in the transaction that writes rows, and a rewrite.
BEGIN;
INSERT INTO t VALUES (80, 'before', 7);
ALTER TABLE t ALTER n DROP DEFAULT, ALTER n TYPE numeric(10,2) USING n / 2.0;
INSERT INTO t VALUES (81, 'after', 7.25);
UPDATE t SET n = 1 WHERE id = 80;
ALTER TABLE t ADD extra text DEFAULT 'filled';
DROP VIEW v;
ALTER TABLE t DROP x;
INSERT INTO t VALUES (82, 8.5, 'more');
COMMIT;
CALL show();
TRUNCATE t RESTART IDENTITY CASCADE;
CALL show();
-- Names that hurt.
CREATE SCHEMA "a.b ""c""";
SELECT set_config('test.name', repeat('é', 28) || '".\ ''', false) IS NULL AS name \gset
DO $$ BEGIN EXECUTE format('CREATE TABLE "a.b ""c""".%1$I (%1$I int PRIMARY KEY, "select" text)', current_setting('test.name')); END $$;
SELECT officesync.track(c.oid) FROM pg_class c WHERE relname = left(current_setting('test.name'), 63) AND relkind = 'r';
DO $$ BEGIN EXECUTE format('INSERT INTO "a.b ""c""".%I VALUES (1, ''x'')', current_setting('test.name')); END $$;
SELECT lines();
DO $$ BEGIN EXECUTE format('DROP TABLE "a.b ""c""".%I', current_setting('test.name')); END $$;
DROP SCHEMA "a.b ""c""";
DROP TABLE c, t;
DROP FUNCTION changes, instead, before, later; DROP PROCEDURE show;
CALL forget();
