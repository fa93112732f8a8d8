-- A tick comes out in parts of bounded size, the same every time.
\set SHOW_CONTEXT never
CREATE TABLE t (id int PRIMARY KEY, x text);
SELECT officesync.track('t');
SELECT officesync.drain(999999, 0, -1);
INSERT INTO t SELECT g, (SELECT string_agg(md5(g::text || i::text), '') FROM generate_series(1, 10) i) FROM generate_series(1, 8000) g;
INSERT INTO t VALUES (0, 'small');
DO $$ BEGIN FOR i IN 9001..9100 LOOP INSERT INTO t VALUES (i, 'one of many'); END LOOP; END $$;
-- So many that their order is kept in pages.
DO $$ BEGIN FOR i IN 10001..14200 LOOP INSERT INTO t VALUES (i, 'one of many'); COMMIT; END LOOP; END $$;
SELECT officesync.tick() AS tick \gset
SELECT array_agg(cardinality(xids) ORDER BY last_sequence) AS pages FROM officesync.tick_page WHERE tick = :tick;
SELECT (SELECT array_agg(m.xid ORDER BY p.last_sequence, m.place)
        FROM officesync.tick_page p, unnest(p.xids) WITH ORDINALITY m (xid, place) WHERE tick = :tick)
     = (SELECT array_agg(o.xid ORDER BY o.sequence) FROM officesync.tick k
        JOIN officesync.outbox o ON o.sequence BETWEEN k.first_sequence AND k.last_sequence WHERE k.number = :tick) AS in_order;
CREATE FUNCTION parts(tick bigint) RETURNS TABLE (sequence bigint, chunk int, last boolean, changes int, body bytea) LANGUAGE sql AS $$
    WITH RECURSIVE p AS (
        SELECT d.* FROM officesync.drain(tick, 0, -1) d
        UNION ALL SELECT d.* FROM p, officesync.drain(tick, p.sequence, p.chunk) d WHERE NOT p.last)
    SELECT sequence, chunk, last, changes, body FROM p $$;
SELECT count(*) > 2 AS several, sum(changes) AS changes, count(*) FILTER (WHERE last) AS last,
       max(octet_length(body)) < 1024 * 1024 AS bounded,
       array_agg((sequence, chunk)) = array_agg((sequence, chunk) ORDER BY sequence, chunk) AS in_order,
       max(sequence) = (SELECT last_sequence FROM officesync.tick WHERE number = :tick) AS to_the_end FROM parts(:tick);
SELECT (SELECT md5(string_agg(body, '')) FROM parts(:tick)) = (SELECT md5(string_agg(body, '')) FROM parts(:tick)) AS the_same_again;
SELECT p.last_tick = :tick AS made, p.sent_tick = :tick AS sent FROM officesync.outbox_position() p;
SELECT officesync.settle(:tick);
SELECT p.sent_tick = :tick AS sent FROM officesync.outbox_position() p;
SELECT officesync.settle(:tick - 1);                -- never backwards
SELECT p.sent_tick = :tick AS sent FROM officesync.outbox_position() p;
SELECT officesync.prune();                          -- no peer: everything is kept
SELECT count(*) > 0 AS kept FROM officesync.outbox;
CALL forget();
DROP FUNCTION parts;
DROP TABLE t;
