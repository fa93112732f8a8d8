-- What has arrived from each peer and waits, and why. One row per peer.
CREATE VIEW officesync.lanes AS
SELECT p.name AS origin, CASE WHEN h.origin IS NULL THEN 'open' WHEN h.sqlstate = '00000' THEN 'paused' ELSE 'halted' END AS state,
       p.applied_tick, h.tick AS halted_tick, h.sqlstate, h.reason, h.halted_at,
       (SELECT pg_catalog.count(DISTINCT i.tick) FROM officesync.inbox i WHERE i.origin = p.name) AS waiting_ticks,
       (SELECT coalesce(pg_catalog.sum(pg_catalog.octet_length(i.body)), 0)::bigint FROM officesync.inbox i WHERE i.origin = p.name) AS waiting_bytes
FROM officesync.peer p
LEFT JOIN officesync.halted h ON h.origin = p.name;
