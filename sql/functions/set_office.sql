-- set_office(name, role): says which office this database is; once per database.
-- Takes a name (1 to 63 of a-z 0-9 - _) and 'head' or 'branch'. Touches: office, tick, publisher, and at the head the triggers of
-- conflicts and policy.
CREATE FUNCTION officesync.set_office(name text, role text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    known officesync.office;
BEGIN
    PERFORM officesync.require_administrator();
    IF set_office.name IS NULL OR set_office.name !~ '^[a-z0-9_-]{1,63}$' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('%L is not a valid name of an office', set_office.name),
            HINT = 'A name is 1 to 63 of the characters a-z, 0-9, "-" and "_".';
    END IF;
    IF set_office.role IS NULL OR set_office.role NOT IN ('head', 'branch') THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('%L is not a role of an office', set_office.role),
            HINT = 'The role is ''head'' (one per company) or ''branch''.';
    END IF;
    IF set_office.name = 'all' OR (set_office.name = 'head' AND set_office.role = 'branch') THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('the name %L is reserved', set_office.name),
            HINT = 'Choose another name for this branch.';
    END IF;
    IF (SELECT getdatabaseencoding()) <> 'UTF8' THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('this database has the encoding %s', getdatabaseencoding()),
            DETAIL = 'officesync exchanges text as UTF-8.',
            HINT = 'Create the database with ENCODING ''UTF8''.';
    END IF;
    SELECT * INTO known FROM officesync.office;
    IF FOUND THEN
        IF (known.name, known.role) = (set_office.name, set_office.role) THEN
            RAISE NOTICE 'this database is the office "%" already', known.name;
            RETURN;
        END IF;
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('this database is the office "%s" (%s) already', known.name, known.role),
            DETAIL = 'An office keeps its name: other offices know it by that.',
            HINT = 'To make another office of this database, drop the extension and create it again.';
    END IF;
    INSERT INTO officesync.office (name, role, incarnation, number)
    VALUES (set_office.name, set_office.role, replace(gen_random_uuid()::text, '-', ''),
            CASE set_office.role WHEN 'head' THEN 0 END);
    INSERT INTO officesync.tick (number, previous, snapshot, first_sequence, last_sequence,
                                 transactions, changes, bytes, part_bytes)
    VALUES (0, -1, pg_current_snapshot(), 0, 0, 0, 0, 0, 0);
    INSERT INTO officesync.publisher (sent_tick) VALUES (0);
    IF set_office.role = 'head' THEN
        -- The ledger and the policies are written here and known at every branch.
        PERFORM officesync.create_triggers('officesync.conflicts', 'ledger', officesync.scope_arguments('told_to')),
                officesync.create_triggers('officesync.policy', 'ledger');
    END IF;
END
$$;
