-- outbox_position(): the last tick made, the last one confirmed by the broker, the last one that
-- every peer has applied (0 while no peer is known), those left behind not counted. Called by: the relay. Touches nothing.
CREATE FUNCTION officesync.outbox_position()
RETURNS TABLE (last_tick bigint, sent_tick bigint, acknowledged_tick bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT (SELECT max(number) FROM officesync.tick),
           (SELECT sent_tick FROM officesync.publisher),
           (SELECT CASE WHEN count(*) = 0 THEN 0
                        ELSE coalesce(min(least(p.acknowledged_tick, o.sent_tick)) FILTER (WHERE p.left_behind_at IS NULL),
                                      max(o.sent_tick)) END
            FROM officesync.peer p, officesync.publisher o)
$$;
