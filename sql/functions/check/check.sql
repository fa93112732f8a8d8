-- check(min_severity): what would make capture or apply go wrong here, with the remedy; no rows when
-- all is well. 'error' shows errors only; 'info' also what does not travel by its nature. Called by:
-- anyone who watches; the relay reports it. Touches nothing.
CREATE FUNCTION officesync.check(min_severity text DEFAULT 'warning')
RETURNS TABLE (severity text, object text, problem text, remedy text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
BEGIN
    IF min_severity IS NULL OR min_severity NOT IN ('error', 'warning', 'info') THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('%L is not a severity', min_severity),
            HINT = 'Use ''error'', ''warning'' or ''info''.';
    END IF;
    RETURN QUERY
        SELECT f.* FROM (
            SELECT * FROM officesync.check_office()
            UNION ALL SELECT * FROM officesync.check_sessions()
            UNION ALL SELECT * FROM officesync.check_triggers()
            UNION ALL SELECT * FROM officesync.check_tables()
            UNION ALL SELECT * FROM officesync.check_references()
            UNION ALL SELECT * FROM officesync.check_peer_tables()
            UNION ALL SELECT * FROM officesync.check_peer_columns()
            UNION ALL SELECT * FROM officesync.check_functions()
            UNION ALL SELECT * FROM officesync.check_sequences()
            UNION ALL SELECT * FROM officesync.check_loads()) f
        WHERE f.severity = 'error' OR min_severity <> 'error'
        ORDER BY f.severity, f.object, f.problem;
    IF min_severity = 'info' THEN
        RETURN QUERY SELECT f.* FROM officesync.check_not_replicated() f ORDER BY f.object, f.problem;
    END IF;
END
$$;
