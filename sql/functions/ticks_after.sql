-- ticks_after(after, max): the ticks that follow, in order; targeted: some of it is for single branches. Called by: the relay. Touches nothing.
CREATE FUNCTION officesync.ticks_after(after bigint, max integer)
RETURNS TABLE (tick bigint, previous bigint, created_at timestamptz, targeted boolean)
-- PL/pgSQL keeps its plans for the session; a function in SQL is planned at each call, which takes five times as long.
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT t.number, t.previous, t.created_at, t.targets IS NOT NULL FROM officesync.tick t
    WHERE t.number > ticks_after.after
      -- The oldest one left after pruning is a boundary only: its rows are gone.
      AND t.number > (SELECT min(o.number) FROM officesync.tick o)
    ORDER BY t.number LIMIT ticks_after.max;
END
$$;
