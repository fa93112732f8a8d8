-- inbox_position(): for each peer, the last tick of its log that is applied here, and the last one up to
-- which everything was taken; what is behind it was left out, and the peer has to keep it.
-- Called by: the relay. Touches nothing.
CREATE FUNCTION officesync.inbox_position()
RETURNS TABLE (origin text, incarnation text, "position" bigint, seen bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p.name, p.incarnation, p.applied_tick,
           least(p.applied_tick, (SELECT min(l.tick) - 1 FROM officesync.left_out l))
    FROM officesync.peer p
$$;
