-- staged_lanes(): the offices whose next tick lies whole in the inbox and may be applied.
-- Called by: the relay. Touches nothing.
CREATE FUNCTION officesync.staged_lanes() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p.name FROM officesync.peer p
    WHERE NOT EXISTS (SELECT FROM officesync.halted h WHERE h.origin = p.name)
      AND EXISTS (SELECT FROM officesync.inbox i
                  WHERE i.origin = p.name AND i.tick = p.applied_tick + 1 AND i.last)
$$;
