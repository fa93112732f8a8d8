-- A big transaction is cut into numbered chunks; only the last has the sequence number.
\set SHOW_CONTEXT never
CREATE TABLE t (id int PRIMARY KEY, x text);
SELECT officesync.track('t');
INSERT INTO t SELECT g, md5(g::text) FROM generate_series(1, 50000) g;
SELECT count(*) BETWEEN 3 AND 8 AS some_chunks, sum(changes) AS changes,
       min(chunk) AS first, max(chunk) = count(*) - 1 AS contiguous,
       count(sequence) AS sequences, bool_and(compressed) AS compressed
FROM officesync.outbox;
UPDATE t SET x = 'y' || x;
DELETE FROM t;
SELECT count(sequence) AS transactions, sum(changes) AS changes FROM officesync.outbox;
SELECT officesync.tick() IS NOT NULL AS ticked;
CALL forget();
-- One row larger than the buffer.
INSERT INTO t VALUES (1, repeat('long ', 400000));
SELECT count(*) AS chunks, sum(changes) AS changes, sum(octet_length(body)) < 100000 AS compressed FROM officesync.outbox;
CALL forget();
DROP TABLE t;
