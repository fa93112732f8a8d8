-- key_text(definition): the key of a table for people to read.
CREATE FUNCTION officesync.key_text(definition jsonb) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE definition -> 'key' WHEN 'null' THEN 'the whole row' WHEN '[]' THEN 'none'
           ELSE (SELECT '(' || string_agg(quote_ident(n), ', ') || ')'
                 FROM jsonb_array_elements_text(definition -> 'key') n) END
$$;

-- scope_text(definition): how the rows of a table are shared out, for people to read.
CREATE FUNCTION officesync.scope_text(definition jsonb) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce('the branch column ' || quote_ident(definition ->> 'branch_column'),
                    'the branch path ' || quote_literal(definition ->> 'branch_path'), 'nothing')
$$;

-- check_peer_tables(): tables that only one of two offices tracks, or with another direction, scope or key.
CREATE FUNCTION officesync.check_peer_tables() RETURNS TABLE (severity text, object text, problem text, remedy text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH differing AS MATERIALIZED (SELECT * FROM officesync.differing_tables())
    SELECT CASE WHEN d.sends THEN 'error' ELSE 'warning' END, d."table",
           format('it is tracked here (%s) and not at office "%s"%s', d.ours ->> 'direction', d.office,
                  CASE WHEN d.sends THEN ': a change of it halts our lane there' END),
           format('create the table at "%s" if it is missing, and run SELECT officesync.track(%L, %L) there; '
                  'or SELECT officesync.untrack(%L) here', d.office, d."table", d.ours ->> 'direction', d."table")
    FROM differing d WHERE d.theirs IS NULL
  UNION ALL
    SELECT CASE WHEN d.receives THEN 'error' ELSE 'warning' END, d."table",
           format('it is tracked at office "%s" (%s) and not here%s', d.office, d.theirs ->> 'direction',
                  CASE WHEN d.receives THEN ': a change of it halts that office''s lane' END),
           format('create the table here if it is missing, and run SELECT officesync.track(%L, %L); '
                  'or untrack it at "%s"', d."table", d.theirs ->> 'direction', d.office)
    FROM differing d WHERE d.ours IS NULL
  UNION ALL
    SELECT 'error', d."table",
           format('its direction is %s here and %s at office "%s"', d.ours ->> 'direction', d.theirs ->> 'direction', d.office),
           format('SELECT officesync.track(%L, %L) here, or track it as %s at "%s"',
                  d."table", d.theirs ->> 'direction', d.ours ->> 'direction', d.office)
    FROM differing d WHERE d.ours ->> 'direction' <> d.theirs ->> 'direction'
  UNION ALL
    SELECT 'error', d."table",
           format('its rows are shared out by %s here and by %s at office "%s"',
                  officesync.scope_text(d.ours), officesync.scope_text(d.theirs), d.office),
           'untrack it at the branch, and track it there as it is at the head'
    FROM differing d
    WHERE d.ours IS NOT NULL AND d.theirs IS NOT NULL AND officesync.scope_text(d.ours) <> officesync.scope_text(d.theirs)
  UNION ALL
    SELECT 'error', d."table",
           format('its key is %s here and %s at office "%s": changes do not find their rows',
                  officesync.key_text(d.ours), officesync.key_text(d.theirs), d.office),
           format('give it the same primary key, or the same REPLICA IDENTITY, here and at "%s"', d.office)
    FROM differing d WHERE d.ours -> 'key' <> d.theirs -> 'key'
$$;
