-- The outbox: how far ticks were made, sent and acknowledged, and what is kept because a peer has not
-- acknowledged it: ticks, rows, bytes. One row.
CREATE VIEW officesync.outbox_status AS
SELECT p.last_tick, p.sent_tick, p.acknowledged_tick,
       (SELECT pg_catalog.count(*) FROM officesync.tick t WHERE t.number > p.sent_tick) AS unsent_ticks,
       officesync.has_unsent() AS unsent_changes,
       (SELECT pg_catalog.count(*) FROM officesync.tick t WHERE t.number > p.acknowledged_tick) AS ticks,
       waiting.rows, waiting.bytes,
       (SELECT pg_catalog.sum(pg_catalog.pg_total_relation_size(o.relid))::bigint
        FROM pg_catalog.pg_partition_tree('officesync.outbox') o WHERE o.isleaf) AS disk_bytes
FROM officesync.outbox_position() p
CROSS JOIN LATERAL (
    SELECT pg_catalog.count(*) AS rows, coalesce(pg_catalog.sum(pg_catalog.octet_length(o.body)), 0)::bigint AS bytes
    FROM officesync.tick t
    JOIN officesync.outbox o ON o.xid >= pg_catalog.pg_snapshot_xmin(t.snapshot)
                            AND NOT pg_catalog.pg_visible_in_snapshot(o.xid, t.snapshot)
    WHERE t.number = greatest(p.acknowledged_tick, (SELECT pg_catalog.min(m.number) FROM officesync.tick m))) waiting;
