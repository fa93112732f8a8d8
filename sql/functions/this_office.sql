-- this_office(): the row of officesync.office, or an error that says how to get one.
CREATE FUNCTION officesync.this_office() RETURNS officesync.office
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    here officesync.office;
BEGIN
    SELECT * INTO here FROM officesync.office;
    IF NOT FOUND THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = 'officesync does not know which office this database is',
            HINT = 'Run SELECT officesync.set_office(''name'', ''head'') or (''name'', ''branch'') first.';
    END IF;
    RETURN here;
END
$$;
