-- begin_load(branch, state): at the head, a branch says that it is being loaded, and how far that is: begins with
-- it, or goes on where it had failed. Called by: receive_hello. Touches: load, load_waiting, reading.
CREATE FUNCTION officesync.begin_load(branch text, state text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    known  officesync.load;
    failed officesync.load_waiting;
BEGIN
    SELECT l.* INTO known FROM officesync.load l WHERE l.office = begin_load.branch FOR UPDATE;
    -- It has forgotten what it was sent: everything anew.
    IF known.state <> 'asked' AND begin_load.state = 'asked' THEN
        DELETE FROM officesync.reading r WHERE r.branch = begin_load.branch AND r.kind LIKE 'load\_%';
        DELETE FROM officesync.load l WHERE l.office = begin_load.branch;
        known := NULL;
    END IF;
    IF known.office IS NULL THEN
        IF begin_load.state = 'asked' THEN
            INSERT INTO officesync.load (office) VALUES (begin_load.branch);
            PERFORM officesync.want_reading(begin_load.branch, 'load_tables', '{}');
            NOTIFY officesync_reading;
        END IF;
        RETURN;
    END IF;
    FOR failed IN DELETE FROM officesync.load_waiting w WHERE w.office = begin_load.branch AND w.failed RETURNING w.* LOOP
        PERFORM officesync.want_reading(begin_load.branch, failed.kind, failed.request);
        NOTIFY officesync_reading;
    END LOOP;
END
$$;

-- failed_load(branch, kind, request, problem): at the head, something could not be read or taken: it is kept until
-- the branch asks again. Called by: the functions of each kind. Touches: load, load_waiting.
CREATE FUNCTION officesync.failed_load(branch text, kind text, request jsonb, problem text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE officesync.load l SET error = coalesce(failed_load.problem, '') WHERE l.office = failed_load.branch;
    INSERT INTO officesync.load_waiting (office, kind, request, failed)
    SELECT l.office, failed_load.kind, failed_load.request, true
    FROM officesync.load l WHERE l.office = failed_load.branch
$$;

-- failed_load_tables, failed_load_rows, failed_load_end (number, branch, request, problem): see failed_load.
-- Called by: fail_reading.
CREATE FUNCTION officesync.failed_load_tables(number bigint, branch text, request jsonb, problem text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$ SELECT officesync.failed_load(branch, 'load_tables', request, problem) $$;
CREATE FUNCTION officesync.failed_load_rows(number bigint, branch text, request jsonb, problem text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$ SELECT officesync.failed_load(branch, 'load_rows', request, problem) $$;
CREATE FUNCTION officesync.failed_load_end(number bigint, branch text, request jsonb, problem text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$ SELECT officesync.failed_load(branch, 'load_end', request, problem) $$;
