-- resend(table, where, office): at the head, sends rows again as they stand, as ordinary changes: an office that
-- has them so already finds nothing to do. where: a condition on the table's columns, run with the caller's
-- rights; NULL: all rows. office: the only branch that gets them; NULL: all. Rows that go to nobody (of a table that
-- is shared out those of other branches, or of none) are left out, and a notice counts them. Returns the number of
-- rows sent. Called by: the table's owner. Touches: outbox.
CREATE FUNCTION officesync.resend("table" regclass, "where" text DEFAULT NULL, office text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET DateStyle = 'ISO, MDY' SET IntervalStyle = postgres SET TimeZone = 'UTC'
SET lc_monetary = 'C' SET xmloption = content SET extra_float_digits = 3 SET bytea_output = hex
AS $$
DECLARE
    names  text[] := officesync.require_resendable("table", office);
    space  text;
    named  text;
    keys   text;
    row    text[];
    result bigint := 0;
    others bigint := 0;
BEGIN
    SELECT n.nspname, c.relname INTO space, named
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = resend."table";
    keys := (SELECT string_agg(format('%I::text', k), ', ') FROM unnest(names) k);
    FOR row IN EXECUTE format('SELECT ARRAY[%s] FROM %s AS t WHERE %s', keys, resend."table",
                              coalesce('(' || resend."where" || ')', 'true')) LOOP
        IF officesync.resend_row(space, named, names, row, resend.office) THEN
            result := result + 1;
        ELSE
            others := others + 1;
        END IF;
    END LOOP;
    IF others > 0 THEN
        RAISE NOTICE USING
            MESSAGE = format('%s rows of table %s are not sent', others, resend."table"),
            DETAIL = CASE WHEN resend.office IS NULL THEN 'They belong to no branch.'
                     ELSE format('They are not rows of the branch "%s".', resend.office) END;
    END IF;
    RETURN result;
END
$$;

-- require_resendable(table, office): the columns of the table's key, or an error that says why its rows can't be
-- sent again. Called by: resend.
CREATE FUNCTION officesync.require_resendable("table" regclass, office text) RETURNS text[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    here  officesync.office := officesync.this_office();
    known record;
    names text[];
BEGIN
    SELECT t.direction, n.nspname, c.relname, c.relowner INTO known
    FROM officesync.tracked t JOIN pg_class c ON c.oid = t.relation JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE t.relation = require_resendable."table";
    IF NOT FOUND THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('table %s is not tracked', coalesce(require_resendable."table"::text, 'NULL')),
            HINT = 'Run officesync.track() on it first.';
    END IF;
    IF NOT pg_has_role(officesync.calling_role(), known.relowner, 'USAGE') THEN
        RAISE insufficient_privilege USING MESSAGE = format('must be owner of table %s', require_resendable."table");
    END IF;
    IF here.role <> 'head' OR known.direction = 'up' THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('rows of table %s can''t be sent again from here', require_resendable."table"),
            DETAIL = CASE WHEN here.role = 'head' THEN 'It is collected at the head.'
                     ELSE format('This is the branch "%s".', here.name) END,
            HINT = 'Rows are sent again from the head, of tables it sends.';
    END IF;
    IF require_resendable.office IS NOT NULL THEN
        PERFORM officesync.require_peer(require_resendable.office);
    END IF;
    names := officesync.verify_key(known.nspname, known.relname);
    IF names = '{}' THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('rows of table %s can''t be sent again', require_resendable."table"),
            DETAIL = 'It has no unique key that tells them apart.',
            HINT = 'Give it a primary key.';
    END IF;
    RETURN names;
END
$$;

-- resend_row(schema, table, key, values, office): tell_row() for one that may; whether there was anything to tell.
-- Called by: resend.
CREATE FUNCTION officesync.resend_row(schema text, "table" text, key text[], "values" text[], office text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM officesync.require_resendable(format('%I.%I', schema, "table")::regclass, office);
    RETURN officesync.tell_row(schema, "table", key, "values", false, coalesce(office, '')) IS NOT NULL;
END
$$;
