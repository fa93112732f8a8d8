-- recipients(tick): who gets which share of a tick some of which is for single branches: a row for each known branch
-- that has something of its own in it, and one (target '') for all the others; none for those left behind. Called by: the relay. Touches nothing.
CREATE FUNCTION officesync.recipients(tick bigint) RETURNS TABLE (branches text[], target text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ARRAY[p.name], p.name
    FROM officesync.tick t JOIN officesync.peer p ON p.role = 'branch' AND p.left_behind_at IS NULL AND p.name = ANY (t.targets)
    WHERE t.number = recipients.tick
  UNION ALL
    SELECT array_agg(p.name ORDER BY p.name), ''
    FROM officesync.tick t JOIN officesync.peer p ON p.role = 'branch' AND p.left_behind_at IS NULL AND NOT p.name = ANY (t.targets)
    WHERE t.number = recipients.tick
    HAVING count(*) > 0
$$;
