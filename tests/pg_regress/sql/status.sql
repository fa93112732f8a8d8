-- One document says what the views say; peek() shows what waits, to the relay's role only.
\set SHOW_CONTEXT never
CREATE TABLE st (id int PRIMARY KEY, note text);
SELECT officesync.track('st');
SELECT received FROM officesync.receive_hello('dijon', 'inc-1', 'branch', NULL, NULL, NULL);
SELECT officesync.tick() IS NOT NULL AS earlier \gset
SELECT coalesce(last_tick, 0) AS before FROM officesync.outbox_position() \gset
BEGIN; INSERT INTO st VALUES (1, 'a'); INSERT INTO st VALUES (2, 'b'); COMMIT;
SELECT officesync.tick() - :before AS tick;
INSERT INTO st VALUES (3, 'in no tick yet');
CREATE VIEW s AS SELECT officesync.status() AS s;
SELECT s->>'office' AS office, s->>'role' AS role, s->>'extension_version' AS extension, s->'relay' AS relay,
       (s->'outbox'->>'last_tick')::bigint - :before AS last, (s->'outbox'->>'unsent_ticks')::int > 0 AS unsent
FROM s;
-- The same numbers.
SELECT (s->'outbox'->>'ticks')::bigint = o.ticks AS ticks, (s->'outbox'->>'rows')::bigint = o.rows AS rows,
       (s->'outbox'->>'bytes')::bigint = o.bytes AS bytes, o.rows >= 2 AS counted,
       (s->'outbox'->>'disk_bytes')::bigint = o.disk_bytes AS disk, (s->'outbox'->>'sent_tick')::bigint = o.sent_tick AS sent
FROM s, officesync.outbox_status o;
SELECT p->>'office' AS peer, (p->>'acknowledged_tick')::bigint = o.acknowledged_tick AS acknowledged,
       abs((p->>'lag_ms')::bigint - o.lag_ms) < 60000 AS lag, (p->>'last_seen_at')::numeric = round(extract(epoch FROM o.last_seen_at)::numeric, 6) AS seen,
       p->>'lane' AS lane
FROM s, json_array_elements(s->'peers') p JOIN officesync.offices o ON o.office = p->>'office' WHERE o.office = 'dijon';
SELECT (s->>'tracked_tables')::int = (SELECT count(*) FROM officesync.tracked_tables) AS tables,
       (s->'conflicts'->>'recorded')::int = (SELECT count(*) FROM officesync.conflicts) AS recorded,
       (s->>'quarantined')::int = (SELECT count(*) FROM officesync.quarantine) AS quarantined
FROM s;
-- A lane that is halted, and why.
SELECT officesync.halt_lane('dijon', 7, '23505', 'duplicate key');
SELECT p->>'lane' AS lane, p->>'halted_tick' AS tick, p->>'sqlstate' AS sqlstate, p->>'reason' AS reason
FROM s, json_array_elements(s->'peers') p WHERE p->>'office' = 'dijon';
-- A session that leads calls its link by its own name, and only its own words are believed.
SELECT officesync.try_lead() AS leading;
SET application_name = 'officesync-relay link=blocked since=1700000000';
SELECT s->'relay'->>'running' AS running, s->'relay'->>'link' AS link, s->'relay'->>'link_since' AS since FROM s;
SET application_name = 'officesync-relay link=nonsense since=99999999999999999999';
SELECT s->'relay'->>'running' AS running, s->'relay'->>'link' AS link, s->'relay'->>'link_since' AS since FROM s;
RESET application_name;
-- What waits, from either end.
SELECT tick - :before AS tick, chunk, changes, compressed, convert_from(body, 'UTF8') LIKE '%"note"%' AS row FROM officesync.peek(1000) WHERE tick > :before OR tick IS NULL ORDER BY sequence;
SELECT tick - :before AS tick, changes FROM officesync.peek(1, newest => true);
SELECT count(*) FROM officesync.peek(0);
-- Who may.
CREATE ROLE guard; CREATE ROLE porter; CREATE ROLE carrier;
SELECT officesync.grant_monitor('guard');
SELECT officesync.grant_relay('carrier');
GRANT pg_monitor TO porter;
SET ROLE guard;
SELECT officesync.status()->>'office' AS office;
SELECT officesync.peek(1);
SET ROLE porter;
SELECT officesync.status()->>'office' AS office;
SELECT officesync.leading_relay();
SET ROLE carrier;
SELECT officesync.status()->>'office' AS office;
SELECT count(*) FROM officesync.peek(1);
RESET ROLE;
CREATE ROLE nobody;
SET ROLE nobody;
SELECT officesync.status();
RESET ROLE;
DROP OWNED BY guard, porter, carrier; DROP ROLE guard, porter, carrier, nobody;
SELECT officesync.remove_branch('dijon');
DROP VIEW s;
SELECT officesync.untrack('st', force => true);
DROP TABLE st;
CALL forget();
