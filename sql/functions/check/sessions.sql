-- check_sessions(): sessions that would begin without the library: their schema changes of tracked tables are refused.
CREATE FUNCTION officesync.check_sessions() RETURNS TABLE (severity text, object text, problem text, remedy text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH setting AS (
        SELECT s.setrole, s.setdatabase, c.setting ~ '[=, "]officesync("|,|\s|$)' AS loads
        FROM pg_db_role_setting s CROSS JOIN LATERAL unnest(s.setconfig) c (setting)
        WHERE c.setting LIKE 'session\_preload\_libraries=%'
          AND s.setdatabase IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
          AND current_setting('shared_preload_libraries') !~ '\yofficesync\y'
    )
    SELECT 'error', 'session_preload_libraries', 'sessions of this database begin without officesync: their schema changes of tracked tables are refused',
           'SELECT officesync.preload()'
    WHERE NOT EXISTS (SELECT FROM setting s WHERE s.setrole = 0 AND s.setdatabase <> 0 AND s.loads)
      AND current_setting('shared_preload_libraries') !~ '\yofficesync\y'
  UNION ALL
    SELECT 'warning', format('role %s', s.setrole::regrole),
           'its sessions begin without officesync: their schema changes of tracked tables are refused',
           format('ALTER ROLE %s%s RESET session_preload_libraries', s.setrole::regrole,
                  CASE WHEN s.setdatabase = 0 THEN '' ELSE ' IN DATABASE ' || quote_ident(current_database()) END)
    FROM setting s WHERE s.setrole <> 0 AND NOT s.loads
$$;
