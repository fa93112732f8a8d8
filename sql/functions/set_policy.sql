-- set_policy(table, policy, column, merge_columns, on_delete): what happens where offices change the same
-- row without having seen each other. At the head; the branches are told. policy: last_update_wins (the
-- default), head_wins, branch_wins, park, and for a column also sum, max, min, union; or, for a table,
-- 'function name', a function (base jsonb, ours jsonb, theirs jsonb, context jsonb) of which the result
-- stands, NULL to park. merge_columns: whether changes of different columns go together. on_delete:
-- later_wins, update_wins, delete_wins, park. Called by: the table's owner. Touches: policy.
CREATE FUNCTION officesync.set_policy(
    "table" regclass, policy text, "column" name DEFAULT NULL, merge_columns boolean DEFAULT true,
    on_delete text DEFAULT 'later_wins') RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    here   officesync.office := officesync.this_office();
    caller oid := officesync.calling_role();
    about  pg_class;
    space  name;
    type   oid;
BEGIN
    SELECT * INTO about FROM pg_class c WHERE c.oid = set_policy."table";
    space := (SELECT n.nspname FROM pg_namespace n WHERE n.oid = about.relnamespace);
    IF here.role <> 'head' THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('the policy of table %s is set at the head', set_policy."table"),
            DETAIL = format('This is the branch "%s"; only the head decides what becomes of a conflict.', here.name),
            HINT = 'Run it at the head office; the branches are told.';
    END IF;
    IF about.oid IS NULL OR NOT EXISTS (SELECT FROM officesync.tracked t WHERE t.relation = about.oid) THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('table %s is not tracked', coalesce(set_policy."table"::text, 'NULL')),
            HINT = 'Run officesync.track() on it first.';
    END IF;
    IF NOT pg_has_role(caller, about.relowner, 'USAGE') THEN
        RAISE insufficient_privilege USING MESSAGE = format('must be owner of table %s', set_policy."table");
    END IF;
    IF set_policy."column" IS NOT NULL THEN
        SELECT a.atttypid INTO type FROM pg_attribute a
        WHERE a.attrelid = about.oid AND a.attname = set_policy."column" AND a.attnum > 0 AND NOT a.attisdropped;
        IF NOT FOUND THEN
            RAISE undefined_column USING
                MESSAGE = format('table %s has no column "%s"', set_policy."table", set_policy."column");
        END IF;
    END IF;
    IF set_policy.policy LIKE 'function %' AND set_policy."column" IS NULL THEN
        policy := 'function ' || officesync.policy_function(substr(set_policy.policy, 10));
    ELSIF set_policy.policy IS NULL
          OR NOT set_policy.policy = ANY (ARRAY['last_update_wins', 'head_wins', 'branch_wins', 'park']
                 || CASE WHEN type IS NOT NULL THEN ARRAY['sum', 'max', 'min', 'union'] END) THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('%L is not a policy for a %s', set_policy.policy,
                             CASE WHEN type IS NULL THEN 'table' ELSE 'column' END),
            HINT = 'last_update_wins, head_wins, branch_wins, park; for a column also sum, max, min, union; '
                   'for a table also ''function name''.';
    ELSIF set_policy.policy = 'sum'
          AND (SELECT t.typcategory FROM pg_type t WHERE t.oid = type) NOT IN ('N', 'T') THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('values of type %s can''t be added up', format_type(type, NULL)),
            HINT = 'The policy ''sum'' is for numbers and intervals.';
    ELSIF set_policy.policy = 'union' AND type <> 'jsonb'::regtype
          AND (SELECT t.typcategory FROM pg_type t WHERE t.oid = type) <> 'A' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('values of type %s have no elements', format_type(type, NULL)),
            HINT = 'The policy ''union'' is for arrays and jsonb.';
    END IF;
    IF set_policy.on_delete IS NULL
       OR set_policy.on_delete NOT IN ('later_wins', 'update_wins', 'delete_wins', 'park') THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('%L is not a policy for deletions', set_policy.on_delete),
            HINT = 'later_wins, update_wins, delete_wins or park.';
    END IF;
    INSERT INTO officesync.policy AS p (schema_name, table_name, column_name, policy, merge_columns, on_delete)
    VALUES (space, about.relname, coalesce(set_policy."column", ''), policy,
            coalesce(set_policy.merge_columns, true), set_policy.on_delete)
    ON CONFLICT (schema_name, table_name, column_name) DO UPDATE
    SET policy = EXCLUDED.policy, merge_columns = EXCLUDED.merge_columns, on_delete = EXCLUDED.on_delete;
    PERFORM officesync.has_changed(about.oid::regclass);
END
$$;

-- policy_function(name): the user's function of that name, qualified and quoted. Called by: set_policy.
CREATE FUNCTION officesync.policy_function(name text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    chosen record;
BEGIN
    SELECT p.*, n.nspname INTO chosen FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE p.oid = to_regprocedure(name || '(jsonb, jsonb, jsonb, jsonb)');
    IF NOT FOUND OR chosen.prorettype <> 'jsonb'::regtype THEN
        RAISE undefined_function USING
            MESSAGE = format('there is no function %s(jsonb, jsonb, jsonb, jsonb) that returns jsonb', name),
            DETAIL = 'It is called with base, ours, theirs and the context, and returns the row that stands, or NULL to park.',
            HINT = 'Name it with its schema: ''function public.merge_orders''.';
    END IF;
    RETURN format('%I.%I', chosen.nspname, chosen.proname);
END
$$;
