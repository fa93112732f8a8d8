-- What apply commits is visible at once; flush() puts it on the disk, wherever the WAL happens to end.
\set SHOW_CONTEXT never
CREATE TABLE t (id int PRIMARY KEY);
SELECT officesync.track('t');
SELECT start IS NOT NULL AS start FROM officesync.receive_hello('brest', 'inc-1', 'branch', NULL, NULL, 'brest');
BEGIN;
SELECT outcome FROM officesync.apply('brest', 'inc-1', 1, 0, 1, true, 0, NULL, NULL, 'brest', 'identity',
    convert_to('{"version":1,"office":"brest","incarnation":"inc-1","sequence":1,"chunk":0,"last":true,"commit_time":"2024-01-01 00:00:00+00","changes":[{"table":["public","t"],"op":"insert","columns":["id"],"key":["id"],"rows":[["1"]]}]}', 'UTF8'));
SHOW synchronous_commit;
COMMIT;
SHOW synchronous_commit;
SELECT pg_current_wal_insert_lsn() AS applied \gset
SELECT officesync.flush();
SELECT pg_current_wal_flush_lsn() >= :'applied' AS flushed;
-- Asked again there is nothing to do; a server that never waits for its disk is made to.
SELECT officesync.flush();
SET synchronous_commit = off;
INSERT INTO t VALUES (2);
SELECT pg_current_wal_insert_lsn() AS written \gset
SELECT officesync.flush();
SELECT pg_current_wal_flush_lsn() >= :'written' AS flushed;
SHOW synchronous_commit;
RESET synchronous_commit;
-- A record that ends with its page: the next one will begin behind the header of the next page, where nothing
-- is yet. Others write WAL too now and then, so it may take some tries.
CREATE FUNCTION fill() RETURNS pg_lsn LANGUAGE plpgsql AS $$
DECLARE
    began pg_lsn; overhead bigint; rest bigint;
BEGIN
    FOR try IN 1..100 LOOP
        began := pg_current_wal_insert_lsn();
        -- The least: a record that crosses into the next page counts the header there too.
        overhead := least(overhead, pg_logical_emit_message(false, 'x', repeat('x', 1000)) - began - 1000);
        rest := 8192 - (pg_current_wal_insert_lsn() - '0/0')::bigint % 8192;
        CONTINUE WHEN rest < 2000 OR try = 1;
        PERFORM pg_logical_emit_message(false, 'x', repeat('x', (rest - overhead)::int));
        IF (pg_current_wal_insert_lsn() - '0/0')::bigint % 8192 IN (24, 40) THEN
            RETURN pg_current_wal_insert_lsn();
        END IF;
        PERFORM pg_logical_emit_message(false, 'x', repeat('x', 4000));
    END LOOP;
    RETURN NULL;
END
$$;
SELECT fill() IS NOT NULL AS full_page, officesync.flush() IS NOT NULL AS flushed;
SELECT officesync.remove_branch('brest');
DROP FUNCTION fill;
DROP TABLE t;
CALL forget();
