-- halt_lane(origin, tick, sqlstate, reason): from here on, what comes from that office waits in the
-- inbox until an operator says retry() or skip(). Called by: the relay. Touches: halted.
CREATE FUNCTION officesync.halt_lane(origin text, tick bigint, sqlstate text, reason text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO officesync.halted (origin, tick, sqlstate, reason)
    SELECT p.name, p.applied_tick + 1, coalesce(halt_lane.sqlstate, 'XX000'), coalesce(halt_lane.reason, '')
    FROM officesync.peer p WHERE p.name = halt_lane.origin
    ON CONFLICT ON CONSTRAINT halted_pkey DO NOTHING
$$;
