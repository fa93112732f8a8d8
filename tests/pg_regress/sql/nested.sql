-- Statements inside triggers: a change is captured after the one that made the row version it changes,
-- and changes of one table in the order in which they were made.
\set SHOW_CONTEXT never
CREATE TABLE t (id int PRIMARY KEY, x text, n int NOT NULL DEFAULT 0);
CREATE TABLE log (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text);
SELECT officesync.track('t'), officesync.track('log', 'down');
-- The changes of one transaction, short: operation and row.
CREATE FUNCTION changes() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT c #>> '{table,1}' || ' ' || (c ->> 'op') || ' ' || (r #>> '{}')
    FROM lines() l, json_array_elements((regexp_replace(replace(l, '{...', '{"v":1'), ':[NT]([,}])', ':0\1', 'g'))::json -> 'changes') c,
         json_array_elements(c -> 'rows') r $$;
-- An AFTER trigger that updates the very row, another new row of the same statement, and a log.
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE t SET n = n + 1 WHERE id = NEW.id;
    UPDATE t SET x = 'by ' || NEW.id WHERE id = NEW.id + 1 AND x IS NULL;
    INSERT INTO log (what) VALUES ('row ' || NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER touch AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION touch();
\c
INSERT INTO t (id) VALUES (1), (2), (3);            -- the first statement of a session
SELECT changes();
CALL forget();
\c
BEGIN;
INSERT INTO t (id) VALUES (10);
SAVEPOINT a; UPDATE t SET n = 7 WHERE id = 99; ROLLBACK TO a;
COMMIT;
SELECT changes();
CALL forget();
INSERT INTO t (id) VALUES (4), (5);
SELECT changes();
CALL forget();
COPY t (id) FROM stdin;
6
7
\.
SELECT changes();
CALL forget();
DROP TRIGGER touch ON t;
TRUNCATE t, log;
-- A BEFORE trigger that takes an older row with the same key away, and one that changes a row which its
-- own statement has just written.
CREATE FUNCTION make_way() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM t WHERE id = NEW.id;
    UPDATE t SET n = n + 10 WHERE id = NEW.id - 1;
    RETURN NEW;
END $$;
CREATE TRIGGER make_way BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION make_way();
INSERT INTO t (id, x) VALUES (2, 'old');
CALL forget();
INSERT INTO t (id, x) VALUES (1, 'a'), (2, 'b'), (3, 'c');
SELECT changes();
CALL forget();
DROP TRIGGER make_way ON t;
-- A trigger that deletes another row of a multi-row update and gives its key to a new one.
CREATE FUNCTION hand_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id = 1 THEN
        DELETE FROM t WHERE id = 3;
        INSERT INTO t VALUES (3, 'new');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER hand_on AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION hand_on();
UPDATE t SET x = x || '!';
SELECT changes();
CALL forget();
-- An error in a nested block takes what was held with it.
CREATE OR REPLACE FUNCTION hand_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id = 1 THEN
        BEGIN
            DELETE FROM t WHERE id = 2;
            PERFORM 1 / 0;
        EXCEPTION WHEN division_by_zero THEN
            UPDATE t SET n = -1 WHERE id = 2 AND n >= 0;
        END;
    END IF;
    RETURN NULL;
END $$;
UPDATE t SET x = x || '?' WHERE n >= 0;
SELECT changes();
CALL forget();
DROP TRIGGER hand_on ON t;
-- A function called by the statement itself.
CREATE FUNCTION peek(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN UPDATE t SET n = 99 WHERE id = $1 - 1; RETURN $1; END $$;
INSERT INTO t (id) SELECT peek(g) FROM generate_series(21, 23) g;
SELECT changes();
CALL forget();
-- Foreign keys: the action's rows and a trigger on them.
CREATE TABLE part (id int PRIMARY KEY, t_id int REFERENCES t ON UPDATE CASCADE ON DELETE SET NULL, seen int NOT NULL DEFAULT 0);
SELECT officesync.track('part');
CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE part SET seen = seen + 1 WHERE id <> NEW.id AND seen < 2; RETURN NULL; END $$;
INSERT INTO part VALUES (1, 21), (2, 21), (3, 22);
CREATE TRIGGER seen AFTER UPDATE OF t_id ON part FOR EACH ROW EXECUTE FUNCTION seen();
CALL forget();
UPDATE t SET id = id + 100 WHERE id IN (21, 22);
SELECT changes();
CALL forget();
DELETE FROM t WHERE id = 121;
SELECT changes();
DROP TABLE part, t, log;
DROP FUNCTION changes, touch, make_way, hand_on, peek, seen;
CALL forget();
