-- check_triggers(): what keeps a change of a tracked table from being captured, or from being
-- captured in its place: our triggers missing or silenced, others that fire before them, rules.
CREATE FUNCTION officesync.check_triggers() RETURNS TABLE (severity text, object text, problem text, remedy text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'error', m.member::text,
           CASE WHEN g.tgenabled IS NULL THEN format('the trigger %s is missing: changes are not captured', w.name)
                WHEN g.tgenabled = 'D' THEN format('the trigger %s is disabled: changes are not captured', w.name)
                ELSE format('the trigger %s is not ENABLE ALWAYS: session_replication_role can silence it', w.name) END,
           format('SELECT officesync.track(%L, %L)', m.relation, m.direction)
    FROM officesync.tracked_members() m
    JOIN pg_class c ON c.oid = m.member
    JOIN (VALUES ('00_officesync_capture'), ('00_officesync_truncate'), ('00_officesync_truncating')) w (name)
      ON CASE w.name WHEN '00_officesync_capture' THEN true
                     WHEN '00_officesync_truncate' THEN m.member = m.relation
                     ELSE c.relkind = CASE WHEN m.member = m.relation THEN 'p' ELSE 'r' END END
    LEFT JOIN pg_trigger g ON g.tgrelid = m.member AND g.tgname = w.name
         AND g.tgfoid = 'officesync.capture()'::regprocedure
    WHERE g.tgenabled IS DISTINCT FROM 'A'
  UNION ALL
    -- AFTER ROW (bits: 1 row, 2 before, 64 instead of) triggers fire in the order of their names; a
    -- partition's are clones of its parent's. One deferred from the start fires after ours anyway.
    SELECT 'warning', m.member::text,
           format('the trigger %I fires before changes are captured: what it does to other rows is captured '
                  'before the row''s own change', g.tgname),
           format('ALTER TRIGGER %I ON %s RENAME TO %I', g.tgname, m.member, left('after_' || g.tgname, 63))
    FROM officesync.tracked_members() m
    JOIN pg_trigger g ON g.tgrelid = m.member
    WHERE NOT g.tgisinternal AND g.tgparentid = 0 AND g.tgenabled <> 'D' AND NOT g.tginitdeferred
      AND g.tgtype & 1 = 1 AND g.tgtype & 66 = 0 AND g.tgname < '00_officesync_capture'
  UNION ALL
    SELECT CASE WHEN r.ev_enabled = 'O' THEN 'warning' ELSE 'error' END, m.member::text,
           format('the rule %I does something else instead of %s: captured is what that does%s', r.rulename,
                  CASE r.ev_type WHEN '2' THEN 'UPDATE' WHEN '3' THEN 'INSERT' ELSE 'DELETE' END,
                  CASE WHEN r.ev_enabled <> 'O' THEN ', and it does so with what arrives from other offices too' ELSE '' END),
           format('DROP RULE %I ON %s, and use a trigger for what it did', r.rulename, m.member)
    FROM officesync.tracked_members() m
    JOIN pg_rewrite r ON r.ev_class = m.member
    WHERE r.is_instead AND r.ev_enabled <> 'D' AND r.ev_type IN ('2', '3', '4')
$$;
