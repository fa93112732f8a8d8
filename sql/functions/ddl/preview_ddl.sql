-- ddl_steps(statement, search_path): what one statement would do, step by step; nothing is run. kind: of
-- officesync.ddl_kind; tracked: the table it concerns; action: add, drop, type, rename, need (of a column), read (the
-- whole table) or other; functions: those it calls that do not come with PostgreSQL. Called by: preview_ddl.
CREATE FUNCTION officesync.ddl_steps(statement text, search_path text)
RETURNS TABLE (kind text, tracked oid, action text, column_name text, new_type oid, modifier integer, computed boolean,
               functions text[])
LANGUAGE c STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'ddl_steps_wrapper';

-- preview_ddl(statement): at the head: what each branch would do with a schema change, by the tables it has told us
-- of; nothing is run. outcome: fine; rewrite (the table is written or read whole, and locked meanwhile); lossy (values
-- that the branch has not sent yet may not fit); blocked (its lane would halt); stays here (it does not travel);
-- unknown. What only the branch knows, such as a view on the column, it does not see. Called by: an administrator.
CREATE FUNCTION officesync.preview_ddl(statement text, search_path text DEFAULT current_setting('search_path'))
RETURNS TABLE (office text, outcome text, detail text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM officesync.require_administrator();
    RETURN QUERY
    WITH step AS MATERIALIZED (
        SELECT s.*, k.travels, n.nspname, c.relname
        FROM officesync.ddl_steps(preview_ddl.statement, preview_ddl.search_path) s
        LEFT JOIN officesync.ddl_kind k ON k.kind = s.kind
        LEFT JOIN pg_class c ON c.oid = s.tracked
        LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
    ), judged AS (
        SELECT p.name, s.column_name, j.*
        FROM officesync.peer p
        CROSS JOIN step s
        LEFT JOIN officesync.held_tables h ON h.office = p.name
        LEFT JOIN officesync.peer_tables t ON t.office = p.name AND t.schema = s.nspname AND t.name = s.relname
        LEFT JOIN pg_attribute a ON a.attrelid = s.tracked AND a.attname = s.column_name
        LEFT JOIN pg_cast v ON v.castsource = a.atttypid AND v.casttarget = s.new_type
        CROSS JOIN LATERAL (SELECT t.definition -> 'columns' ->> s.column_name AS theirs,
                                   format_type(s.new_type, s.modifier) AS new_name) d
        CROSS JOIN LATERAL (
            SELECT 0 AS rank, 'stays here' AS outcome, 'this kind of change does not travel' AS detail
            WHERE s.tracked IS NULL OR s.travels IS NOT TRUE
          UNION ALL SELECT 4, 'blocked', format('it does not track %I.%I', s.nspname, s.relname)
            WHERE h.office IS NOT NULL AND t.office IS NULL AND s.tracked IS NOT NULL
          UNION ALL SELECT 4, 'blocked', format('it has no column %I', s.column_name)
            WHERE s.action IN ('drop', 'type', 'rename', 'need') AND s.column_name IS NOT NULL AND d.theirs IS NULL
              AND t.office IS NOT NULL AND s.action <> 'drop'
          UNION ALL SELECT 4, 'blocked', format('it has a column %I of type %s already', s.column_name, d.theirs)
            WHERE s.action = 'add' AND d.theirs <> d.new_name
          UNION ALL SELECT 4, 'blocked', format('it has no function %s()', l.lacks)
            FROM officesync.functions_lacking(s.functions) l WHERE l.office = p.name
          UNION ALL SELECT 3, 'lossy', format('%s to %s: values of %I that it has not sent yet are cast, or kept in the ledger',
                                              format_type(a.atttypid, a.atttypmod), d.new_name, s.column_name)
            WHERE s.action = 'type' AND a.attname IS NOT NULL
              AND (s.computed OR (a.atttypid <> s.new_type AND v.castcontext IS DISTINCT FROM 'i')
                   OR (a.atttypid = s.new_type AND s.modifier <> -1 AND s.modifier < a.atttypmod))
          UNION ALL SELECT 3, 'lossy', format('what it has written to %I and not sent yet is kept in the ledger', s.column_name)
            WHERE s.action = 'drop' AND d.theirs IS NOT NULL
          UNION ALL SELECT 2, 'rewrite', format('%I gets the type %s: the table is rewritten', s.column_name, d.new_name)
            WHERE s.action = 'type' AND a.atttypid <> s.new_type AND v.castmethod IS DISTINCT FROM 'b'
          UNION ALL SELECT 2, 'rewrite', 'the table is read whole, and locked meanwhile' WHERE s.action = 'read'
          UNION ALL SELECT 1, 'unknown', 'it has not told its tables yet' WHERE h.office IS NULL
          UNION ALL SELECT 0, 'fine', NULL) j
        WHERE p.role = 'branch'
    ), worst AS (
        SELECT DISTINCT ON (j.name) j.name, j.rank, j.outcome FROM judged j
        ORDER BY j.name, j.rank DESC, j.outcome = 'fine'
    )
    SELECT w.name, w.outcome, string_agg(DISTINCT j.detail, '; ')
    FROM worst w JOIN judged j ON j.name = w.name AND j.outcome = w.outcome
    GROUP BY w.name, w.outcome ORDER BY w.name;
END
$$;
