-- has_branches(): whether this is a head that anyone listens to.
CREATE FUNCTION officesync.has_branches() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT EXISTS (SELECT FROM officesync.peer p WHERE p.role = 'branch') $$;

-- tell_tracking(relation, direction, is_new): at the head: tells the branches that a table is tracked; where it is
-- new to them, with the statements that make it and what it needs. Without a direction: that it is tracked no
-- longer. A table that can't be made from its definition (one that inherits) has to be there. Called by: track,
-- untrack. Touches: outbox, schema_history.
CREATE FUNCTION officesync.tell_tracking(relation regclass, direction text, is_new boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    schema     name;
    name       name;
    definition record;
BEGIN
    SELECT n.nspname, c.relname INTO schema, name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = tell_tracking.relation;
    IF NOT FOUND OR NOT officesync.has_branches() THEN
        RETURN;
    END IF;
    IF tell_tracking.is_new THEN
        BEGIN
            FOR definition IN SELECT d.statement FROM officesync.definitions(ARRAY[tell_tracking.relation]) d
                              WHERE d.kind <> 'extension' LOOP
                PERFORM officesync.capture_definition(schema, name, definition.statement);
            END LOOP;
        EXCEPTION WHEN feature_not_supported THEN
            RAISE NOTICE '%: create the table at the branches by hand', SQLERRM;
        END;
        PERFORM officesync.warn_of_functions(tell_tracking.relation);
    END IF;
    PERFORM officesync.capture_tracking(schema, name, tell_tracking.direction, k.branch_column, k.branch_path)
    FROM officesync.tracked k WHERE k.relation = tell_tracking.relation;
    IF tell_tracking.direction IS NULL THEN
        INSERT INTO officesync.schema_history (schema_name, table_name, what) VALUES (schema, name, 'drop table');
    END IF;
END
$$;
