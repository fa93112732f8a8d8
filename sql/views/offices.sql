-- The peers of this office, one row each. lag_ms: how long the oldest tick has waited that the peer
-- has not acknowledged, 0 when it has all. delay_ms: how old its last tick was when applied here.
CREATE VIEW officesync.offices AS
SELECT p.name AS office, p.role, p.last_seen_at,
       p.applied_tick, p.acknowledged_tick,
       coalesce(pg_catalog.floor(extract(epoch FROM pg_catalog.clock_timestamp() - waiting.created_at) * 1000), 0)::bigint AS lag_ms,
       p.delay_ms, p.ticks, p.rows, p.bytes,
       h.origin IS NOT NULL AS halted, p.verified_at, p.differences
FROM officesync.peer p
LEFT JOIN officesync.halted h ON h.origin = p.name
LEFT JOIN LATERAL (SELECT t.created_at FROM officesync.tick t
                   WHERE t.number > p.acknowledged_tick ORDER BY t.number LIMIT 1) waiting ON true;
