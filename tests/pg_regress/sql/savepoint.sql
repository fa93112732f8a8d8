-- What a savepoint rolls back was never there, also when the buffer was written out meanwhile.
\set SHOW_CONTEXT never
CREATE TABLE t (id int PRIMARY KEY, x text);
SELECT officesync.track('t');
BEGIN;
INSERT INTO t VALUES (1, 'kept');
SAVEPOINT a;
INSERT INTO t VALUES (2, 'gone');
SAVEPOINT b;
INSERT INTO t VALUES (3, 'gone too');
RELEASE b;
ROLLBACK TO a;
INSERT INTO t VALUES (4, 'kept');
SAVEPOINT c;
INSERT INTO t VALUES (5, 'released');
RELEASE c;
COMMIT;
SELECT lines();
CALL forget();
DO $$
BEGIN
    FOR i IN 10..13 LOOP
        BEGIN
            INSERT INTO t VALUES (i, 'tried');
            IF i % 2 = 0 THEN RAISE division_by_zero; END IF;
        EXCEPTION WHEN division_by_zero THEN NULL;
        END;
    END LOOP;
END $$;
SELECT lines();
CALL forget();
-- A savepoint that fills the buffer writes chunks; its rollback takes them back and gives the outer
-- transaction its part again.
CREATE FUNCTION chunks() RETURNS TABLE (chunk int, final boolean, changes int) LANGUAGE sql AS
    $$ SELECT chunk, sequence IS NOT NULL, changes FROM officesync.outbox ORDER BY xid, chunk $$;
BEGIN;
INSERT INTO t VALUES (100, 'outer');
SAVEPOINT a;
INSERT INTO t SELECT g, repeat('x', 1000) FROM generate_series(1000, 2999) g;
ROLLBACK TO a;
INSERT INTO t VALUES (101, 'outer again');
COMMIT;
SELECT * FROM chunks();
SELECT lines();
CALL forget();
BEGIN;
INSERT INTO t VALUES (200, 'outer');
SAVEPOINT a;
INSERT INTO t SELECT g, repeat('x', 1000) FROM generate_series(3000, 3999) g;
SAVEPOINT b;
INSERT INTO t SELECT g, repeat('x', 1000) FROM generate_series(4000, 4999) g;
ROLLBACK TO b;
RELEASE a;
INSERT INTO t VALUES (201, 'outer again');
COMMIT;
SELECT sum(changes) AS changes, array_agg(chunk) = array_agg(n::int - 1) AS contiguous
FROM (SELECT *, row_number() OVER () AS n FROM chunks()) c;
CALL forget();
DROP FUNCTION chunks;
DROP TABLE t;
