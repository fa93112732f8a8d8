-- The outbox gives its space back without vacuum: its tables take turns, and are truncated when all in
-- them is acknowledged.
\set SHOW_CONTEXT never
CREATE TABLE t (id int PRIMARY KEY, x text);
SELECT officesync.track('t');
CREATE FUNCTION used() RETURNS text LANGUAGE sql AS $$
    SELECT format('turn %s, used:%s', (SELECT last_value FROM officesync.outbox_turn), string_agg(' ' || right(relid::text, 1), '' ORDER BY relid::text))
    FROM pg_partition_tree('officesync.outbox') WHERE isleaf AND pg_relation_size(relid) > 0 $$;
CREATE PROCEDURE work(megabytes numeric) LANGUAGE plpgsql AS $$ BEGIN
    FOR i IN 1 .. megabytes * 100 LOOP
        INSERT INTO t SELECT 1, string_agg(md5(g::text || random()), '') FROM generate_series(1, 500) g; DELETE FROM t WHERE id = 1;
        COMMIT;
    END LOOP; END $$;
-- acknowledged(): every peer says it has all there is.
CREATE FUNCTION acknowledged() RETURNS bigint LANGUAGE sql AS $$
    SELECT officesync.tick(); SELECT officesync.settle((SELECT max(number) FROM officesync.tick));
    UPDATE officesync.peer SET acknowledged_tick = (SELECT max(number) FROM officesync.tick); SELECT max(number) FROM officesync.tick $$;
SELECT received FROM officesync.receive_hello('lyon', 'inc-9', 'branch', NULL, NULL, 'lyon');
SELECT setval('officesync.outbox_turn', 0);
TRUNCATE officesync.outbox;
SELECT acknowledged() > 0 AS acknowledged, officesync.prune() AS freed;
CALL work(0.1);
SELECT acknowledged() > 0 AS acknowledged;
SELECT officesync.prune() AS freed, used();         -- too little to be worth it
CALL work(2);
SELECT acknowledged() > 0 AS acknowledged;
SELECT officesync.prune() AS freed, used();         -- the next one's turn
INSERT INTO t VALUES (0, 'written to the next one');
SELECT used();
SELECT acknowledged() > 0 AS acknowledged;
SELECT officesync.prune() > 1000000 AS freed;
SELECT used();
-- What is not acknowledged stays; a prepared transaction keeps its own table only.
BEGIN; INSERT INTO t VALUES (-1, 'prepared'); PREPARE TRANSACTION 'p';
CALL work(2);
SELECT officesync.tick() > 0 AS tick;
SELECT officesync.prune() AS freed, used();
SELECT acknowledged() > 0 AS acknowledged;
SELECT officesync.prune() AS freed, used();
CALL work(2);
SELECT acknowledged() > 0 AS acknowledged;
SELECT officesync.prune() AS freed, used();
INSERT INTO t VALUES (2, 'last');
SELECT acknowledged() > 0 AS acknowledged;
SELECT officesync.prune() > 1000000 AS freed, used();
COMMIT PREPARED 'p';
SELECT officesync.tick() > 0 AS the_prepared_is_seen;
SELECT officesync.prune() AS freed;                 -- not acknowledged yet
SELECT acknowledged() > 0 AS acknowledged;
SELECT officesync.prune() > 1000000 AS freed;
SELECT used();
SELECT rows, bytes, unsent_changes FROM officesync.outbox_status;
SELECT officesync.remove_branch('lyon');
DROP TABLE t;
DROP FUNCTION used, acknowledged; DROP PROCEDURE work;
CALL forget();
