-- recipients(tick, held): who gets which share of a tick some of which is for single branches, or which is not for
-- all: a row for each known branch that has something of its own in it, and one (target '') for all the others; none for
-- those left behind, and those that are to be sent nothing now. Called by: the relay. Touches nothing.
CREATE FUNCTION officesync.recipients(tick bigint, held text[] DEFAULT '{}') RETURNS TABLE (branches text[], target text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ARRAY[p.name], p.name
    FROM officesync.tick t JOIN officesync.peer p ON p.role = 'branch' AND p.left_behind_at IS NULL AND p.name = ANY (t.targets)
    WHERE t.number = recipients.tick AND NOT p.name = ANY (held)
  UNION ALL
    SELECT array_agg(p.name ORDER BY p.name), ''
    FROM officesync.tick t JOIN officesync.peer p ON p.role = 'branch' AND p.left_behind_at IS NULL
        AND NOT p.name = ANY (coalesce(t.targets, '{}'))
    WHERE t.number = recipients.tick AND NOT p.name = ANY (held)
    HAVING count(*) > 0
$$;
