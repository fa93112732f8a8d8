-- check_functions(): at the head: functions that a tracked table calls and a branch does not have.
CREATE FUNCTION officesync.check_functions() RETURNS TABLE (severity text, object text, problem text, remedy text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'error', t.relation::text,
           format('a default, constraint or index calls %s(), which office "%s" does not have: its lane halts at what needs it',
                  l.lacks, l.office),
           format('create it at "%s"; what waits there goes on after SELECT officesync.retry()', l.office)
    FROM officesync.tracked t
    CROSS JOIN LATERAL officesync.functions_lacking(ARRAY(SELECT officesync.functions_of(t.relation))) l
    WHERE t.direction <> 'up'
$$;
