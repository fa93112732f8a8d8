-- load_setting(name, usual): a setting of the head, as bytes: officesync.load_chunk_bytes (how much one chunk
-- holds), officesync.load_rate (how much goes to one branch in a second, before it is compressed; 0: as it comes).
-- Called by: read_load_rows, load_pause.
CREATE FUNCTION officesync.load_setting(name text, usual text) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT pg_size_bytes(coalesce(nullif(current_setting('officesync.' || name, true), ''), usual)) $$;

-- are_users_at_work(): whether a session that is not our relay's is at a statement just now. Called by: load_pause.
CREATE FUNCTION officesync.are_users_at_work() RETURNS boolean
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM pg_stat_activity a
                   WHERE a.backend_type = 'client backend' AND a.state = 'active' AND a.pid <> pg_backend_pid()
                     AND NOT (a.usename = session_user AND a.application_name LIKE 'officesync-relay%'))
$$;

-- load_pause(bytes, seconds, waited): how many seconds the next chunk waits behind one of that many bytes that took so
-- long to read and was kept waiting for a processor for that part of it. As the rate says (officesync.load_rate), and
-- longer while the head's own users need the machine: officesync.load_yield times as long as the reading took. Where a
-- processor is free, or nobody is at work, the load takes all there is. Called by: read_load_rows. Touches nothing.
CREATE FUNCTION officesync.load_pause(bytes bigint, seconds numeric, waited float8) RETURNS numeric
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Waiting less than this is nobody's loss.
    short CONSTANT float8 := 0.1;
    rate  bigint := officesync.load_setting('load_rate', '0');
    yield numeric := coalesce(nullif(current_setting('officesync.load_yield', true), ''), '20')::numeric;
    pause numeric := CASE WHEN rate > 0 THEN coalesce(load_pause.bytes, 0)::numeric / rate ELSE 0 END;
BEGIN
    IF yield > 0 AND load_pause.waited > short AND officesync.are_users_at_work() THEN
        pause := greatest(pause, load_pause.seconds * yield);
    END IF;
    RETURN pause;
END
$$;
