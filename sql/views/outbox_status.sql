-- The outbox: how far ticks were made, sent and acknowledged, and what waits. One row.
CREATE VIEW officesync.outbox_status AS
SELECT p.last_tick, p.sent_tick, p.acknowledged_tick,
       (SELECT pg_catalog.count(*) FROM officesync.tick t WHERE t.number > p.sent_tick) AS unsent_ticks,
       officesync.has_unsent() AS unsent_changes,
       (SELECT pg_catalog.count(*) FROM officesync.outbox) AS rows,
       (SELECT coalesce(pg_catalog.sum(pg_catalog.octet_length(o.body)), 0)::bigint FROM officesync.outbox o) AS bytes,
       pg_catalog.pg_total_relation_size('officesync.outbox') AS disk_bytes
FROM officesync.outbox_position() p;
