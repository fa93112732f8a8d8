-- put_row(schema_name, table_name, key, "row"): makes the row with that key what "row" says (NULL: no row),
-- as an ordinary change with the caller's rights. Called by: resolve, undo.
CREATE FUNCTION officesync.put_row(schema_name text, table_name text, key jsonb, "row" jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    relation text := format('%I.%I', put_row.schema_name, put_row.table_name);
    matches  text;
    sets     text;
    names    text;
    given    text;
    changed  bigint;
BEGIN
    SELECT string_agg(format('%I = (%L::jsonb ->> %L)::%s', a.attname, put_row.key, a.attname,
                             format_type(a.atttypid, a.atttypmod)), ' AND ')
               FILTER (WHERE put_row.key ? a.attname),
           string_agg(format('%I = (%L::jsonb ->> %L)::%s', a.attname, put_row."row", a.attname,
                             format_type(a.atttypid, a.atttypmod)), ', ')
               FILTER (WHERE put_row."row" ? a.attname AND a.attidentity <> 'a'),
           string_agg(quote_ident(a.attname), ', ') FILTER (WHERE put_row."row" ? a.attname),
           string_agg(format('(%L::jsonb ->> %L)::%s', put_row."row", a.attname,
                             format_type(a.atttypid, a.atttypmod)), ', ')
               FILTER (WHERE put_row."row" ? a.attname)
    INTO matches, sets, names, given
    FROM pg_attribute a
    WHERE a.attrelid = relation::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';
    IF put_row."row" IS NULL THEN
        EXECUTE format('DELETE FROM %s WHERE %s', relation, matches);
        RETURN;
    END IF;
    EXECUTE format('UPDATE %s SET %s WHERE %s', relation, sets, matches);
    GET DIAGNOSTICS changed = ROW_COUNT;
    IF changed = 0 THEN
        EXECUTE format('INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE VALUES (%s)', relation, names, given);
    END IF;
END
$$;

-- close_conflict(id, from_state, to_state): takes an entry of the ledger that is in that state, and marks
-- it with who did. Called by: resolve, undo. Touches: conflicts.
CREATE FUNCTION officesync.close_conflict(id bigint, from_state text, to_state text) RETURNS officesync.conflicts
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    here  officesync.office := officesync.this_office();
    entry officesync.conflicts;
BEGIN
    PERFORM officesync.require_administrator();
    IF here.role <> 'head' THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = 'conflicts are resolved at the head',
            DETAIL = format('This is the branch "%s".', here.name),
            HINT = 'Run it at the head office.';
    END IF;
    SELECT * INTO entry FROM officesync.conflicts c WHERE c.id = close_conflict.id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE no_data_found USING
            MESSAGE = format('there is no conflict %s', coalesce(close_conflict.id::text, 'NULL')),
            HINT = 'SELECT * FROM officesync.conflicts lists them.';
    END IF;
    IF entry.state <> from_state THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('conflict %s is %s, not %s', entry.id, entry.state, from_state),
            HINT = CASE entry.state WHEN 'parked' THEN 'Decide on it with officesync.resolve().'
                   WHEN 'resolved' THEN 'officesync.undo() puts back what lost.'
                   ELSE 'It was undone; change the row itself.' END;
    END IF;
    UPDATE officesync.conflicts c
    SET state = to_state, resolved_by = officesync.calling_role()::regrole::text, resolved_at = clock_timestamp()
    WHERE c.id = entry.id;
    RETURN entry;
END
$$;

-- resolve(id, "row"): decides on a parked conflict: the row becomes "row", an object of its columns; NULL
-- leaves it as it stands. An ordinary change of the caller's, which travels. Called by: an operator.
CREATE FUNCTION officesync.resolve(id bigint, "row" jsonb DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    entry officesync.conflicts := officesync.close_conflict(resolve.id, 'parked', 'resolved');
BEGIN
    IF resolve."row" IS NOT NULL THEN
        PERFORM officesync.put_row(entry.schema_name, entry.table_name, entry.key, resolve."row");
    END IF;
END
$$;

-- undo(id): puts back the version that lost, as a new, ordinary change of the caller's. Called by: an operator.
CREATE FUNCTION officesync.undo(id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    entry officesync.conflicts := officesync.close_conflict(undo.id, 'resolved', 'undone');
BEGIN
    PERFORM officesync.put_row(entry.schema_name, entry.table_name, entry.key,
                               CASE entry.winner WHEN 'head' THEN entry.theirs ELSE entry.ours END);
END
$$;

-- forget_old_conflicts(): does so by itself at the head for what is older than officesync.keep_conflicts; without
-- that setting everything is kept. Called by: prune. Touches: conflicts, and that only when there is something old.
CREATE FUNCTION officesync.forget_old_conflicts() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    DELETE FROM officesync.conflicts c
    USING (SELECT nullif(current_setting('officesync.keep_conflicts', true), '')::interval) AS kept (time)
    WHERE c.state <> 'parked' AND c.recorded_at < clock_timestamp() - kept.time
      AND (SELECT o.role FROM officesync.office o) = 'head'
$$;

-- forget_conflicts(older_than): removes entries of the ledger that are not parked. Called by: an operator.
CREATE FUNCTION officesync.forget_conflicts(older_than interval) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    removed bigint;
BEGIN
    PERFORM officesync.require_administrator();
    DELETE FROM officesync.conflicts c
    WHERE c.state <> 'parked' AND c.recorded_at < clock_timestamp() - forget_conflicts.older_than;
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END
$$;
