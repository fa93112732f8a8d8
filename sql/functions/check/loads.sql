-- check_loads(): branches that join, and do not go on.
CREATE FUNCTION officesync.check_loads() RETURNS TABLE (severity text, object text, problem text, remedy text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'warning', 'office ' || l.office, format('its joining waits: %s', l.error),
           'put the cause right; it is tried again each minute, or when the branch''s relay starts'
    FROM officesync.load l WHERE l.error IS NOT NULL
$$;
