-- require_branch_column(relation, branch_column): raises an error unless a column can tell to which office a row
-- belongs. Called by: track.
CREATE FUNCTION officesync.require_branch_column(relation regclass, branch_column name) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    about record;
BEGIN
    SELECT a.attgenerated, b.typtype, b.typcategory, b.oid AS type, format_type(a.atttypid, a.atttypmod) AS shown INTO about
    FROM pg_attribute a
    -- A domain is as what it is made of.
    JOIN pg_type b ON b.oid = officesync.base_type(a.atttypid)
    WHERE a.attrelid = require_branch_column.relation AND a.attname = require_branch_column.branch_column
      AND a.attnum > 0 AND NOT a.attisdropped;
    IF NOT FOUND THEN
        RAISE undefined_column USING
            MESSAGE = format('table %s has no column "%s"', relation, branch_column),
            HINT = 'branch_column is the column that holds the name of the branch to which a row belongs.';
    ELSIF about.attgenerated <> '' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('column "%s" of table %s can''t be its branch column: it is generated', branch_column, relation),
            DETAIL = 'A generated column does not travel; each office computes its own.',
            HINT = 'Use an ordinary column.';
    ELSIF about.type = 'bpchar'::regtype OR about.typtype <> 'e' AND about.typcategory <> 'S' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('column "%s" of table %s can''t be its branch column: it is of type %s', branch_column, relation, about.shown),
            DETAIL = 'It holds the names of offices.',
            HINT = 'Use a column of type text, varchar or an enum.';
    END IF;
END
$$;

-- require_branch_path(relation, branch_path): a branch path as it is kept, or an error that says why it can't be one.
-- It begins with the columns of a foreign key, to a tracked table that is shared out itself, and may go on as that
-- one's does: 'order_id -> orders', 'order_id -> orders.branch', 'item_id -> items.order_id -> orders.branch'.
-- Called by: track.
CREATE FUNCTION officesync.require_branch_path(relation regclass, branch_path text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    hops   text[] := regexp_split_to_array(btrim(branch_path), '\s*->\s*');
    names  text[];
    first  text[];
    parent regclass;
    known  officesync.tracked;
    tail   text;
BEGIN
    BEGIN
        first := officesync.path_columns(branch_path);
        names := parse_ident(hops[2]);
    EXCEPTION WHEN OTHERS THEN
        names := NULL;
    END;
    IF names IS NULL OR first IS NULL OR cardinality(names) > 3 THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('%L is not a branch path', branch_path),
            HINT = 'It leads by foreign keys to the branch column: ''order_id -> orders.branch''.';
    END IF;
    SELECT k.confrelid, names[cardinality(names)] INTO parent, tail
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.confrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE k.conrelid = require_branch_path.relation AND k.contype = 'f' AND k.conparentid = 0
      AND (names[:cardinality(names) - 1] IN (ARRAY[c.relname::text], ARRAY[n.nspname::text, c.relname::text])
           OR cardinality(hops) = 2 AND names IN (ARRAY[c.relname::text], ARRAY[n.nspname::text, c.relname::text]))
      AND first @> (SELECT array_agg(a.attname::text) FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey))
      AND cardinality(first) = cardinality(k.conkey)
    LIMIT 1;
    IF parent IS NULL THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('%L is no branch path of table %s: no foreign key leads that way', branch_path, relation),
            DETAIL = format('It begins with the column %s, which has to refer to %s.', array_to_string(first, ', '), hops[2]),
            HINT = 'Add the foreign key: a branch may write a row where its parent is.';
    END IF;
    IF EXISTS (SELECT FROM pg_attribute a JOIN pg_type b ON b.oid = officesync.base_type(a.atttypid)
               WHERE a.attrelid = relation AND a.attname = ANY (first)
                 AND (b.typtype NOT IN ('b', 'e') OR b.typcategory = 'A')) THEN
        RAISE feature_not_supported USING
            MESSAGE = format('%L is no branch path of table %s: a column of it is of a type made of others', branch_path, relation),
            HINT = 'Its columns may be numbers, texts, uuids, dates, enums and the like.';
    END IF;
    SELECT t.* INTO known FROM officesync.tracked t WHERE t.relation = parent;
    IF parent = relation OR known.branch_column IS NULL AND known.branch_path IS NULL THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('%L is no branch path of table %s: table %s is not shared out itself', branch_path, relation, parent),
            HINT = format('First SELECT officesync.track(%L, branch_column => ''...'').', parent);
    END IF;
    -- Unless it ends with the table, it goes on as the parent's own scope does.
    IF NOT (cardinality(hops) = 2 AND tail = (SELECT c.relname FROM pg_class c WHERE c.oid = parent)
            AND (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = parent AND a.attname = tail AND a.attnum > 0) = 0) THEN
        IF NOT (CASE WHEN cardinality(hops) = 2 THEN coalesce(tail = known.branch_column, false)
                    WHEN known.branch_path IS NULL THEN false
                    ELSE officesync.require_branch_path(parent, quote_ident(tail) || ' -> ' || array_to_string(hops[3:], ' -> '))
                         = known.branch_path END) THEN
            RAISE invalid_parameter_value USING
                MESSAGE = format('%L is no branch path of table %s: table %s is shared out by %s', branch_path, relation, parent,
                                 coalesce('its column ' || quote_ident(known.branch_column), quote_literal(known.branch_path))),
                HINT = 'A row goes where its parent goes.';
        END IF;
    END IF;
    RETURN officesync.path_text(first::name[], parent);
END
$$;

-- require_same_scope(known, branch_column, branch_path): raises an error where a table that is tracked already would be
-- shared out in another way: the branches hold the rows of before. Called by: track.
CREATE FUNCTION officesync.require_same_scope(known officesync.tracked, branch_column name, branch_path text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF (branch_column IS NOT NULL OR branch_path IS NOT NULL)
       AND (known.branch_column IS DISTINCT FROM require_same_scope.branch_column
            OR known.branch_path IS DISTINCT FROM require_same_scope.branch_path) THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('table %s is tracked already, with %s', known.relation,
                             CASE WHEN known.branch_column IS NOT NULL THEN format('the branch column "%s"', known.branch_column)
                                  WHEN known.branch_path IS NOT NULL THEN format('the branch path %L', known.branch_path)
                                  ELSE 'all its rows for all offices' END),
            DETAIL = 'The branches hold the rows that they were given so.',
            HINT = format('SELECT officesync.untrack(%L), track it anew, and let officesync-relay verify --repair even the branches out.',
                          known.relation);
    END IF;
END
$$;

-- require_scopes(): raises an error where what tells to which office the rows of a tracked table belong, a column or a
-- foreign key, is there no more; or where rows that go to all branches would refer to rows that do not. Called by: track,
-- and the library, when a statement has changed the schema.
CREATE FUNCTION officesync.require_scopes() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    lost officesync.tracked;
    key  pg_constraint;
BEGIN
    SELECT k.* INTO key
    FROM officesync.tracked t
    JOIN pg_constraint k ON k.conrelid = t.relation AND k.contype = 'f' AND k.conparentid = 0
    JOIN officesync.tracked p ON p.relation = k.confrelid AND (p.branch_column IS NOT NULL OR p.branch_path IS NOT NULL)
    WHERE t.branch_column IS NULL AND t.branch_path IS NULL AND t.direction <> 'up' LIMIT 1;
    IF FOUND THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('table %s refers to table %s, of which a branch has its own rows only', key.conrelid::regclass, key.confrelid::regclass),
            DETAIL = format('Each branch would have all rows of the one, and not all that its foreign key %I refers to.', key.conname),
            HINT = format('SELECT officesync.track(%L, branch_path => %L), before branches have it; or do without the foreign key.',
                          key.conrelid::regclass, officesync.path_text(
                              (SELECT array_agg(a.attname) FROM pg_attribute a WHERE a.attrelid = key.conrelid AND a.attnum = ANY (key.conkey)),
                              key.confrelid));
    END IF;
    SELECT t.* INTO lost FROM officesync.tracked t JOIN pg_class c ON c.oid = t.relation
    WHERE t.branch_path IS NOT NULL AND NOT EXISTS (SELECT FROM officesync.scope_hop(t.relation)) LIMIT 1;
    IF FOUND THEN
        RAISE dependent_objects_still_exist USING
            MESSAGE = format('the branch path %L tells to which branch the rows of table %s belong', lost.branch_path, lost.relation),
            DETAIL = 'Its foreign key would be gone, or have another name.',
            HINT = format('SELECT officesync.untrack(%L) first, and track it anew afterwards.', lost.relation);
    END IF;
    SELECT t.* INTO lost FROM officesync.tracked t JOIN pg_class c ON c.oid = t.relation
    WHERE t.branch_column IS NOT NULL
      AND NOT EXISTS (SELECT FROM pg_attribute a
                      WHERE a.attrelid = t.relation AND a.attname = t.branch_column AND NOT a.attisdropped) LIMIT 1;
    IF FOUND THEN
        RAISE dependent_objects_still_exist USING
            MESSAGE = format('column "%s" of table %s tells to which branch its rows belong', lost.branch_column, lost.relation),
            HINT = format('SELECT officesync.untrack(%L) first, and track it anew afterwards.', lost.relation);
    END IF;
END
$$;

-- require_branch_labels(): raises an error where this transaction has renamed a label of an enum that is a branch column:
-- rows would belong to another office, and none of them was changed. Called by: record_shapes.
CREATE FUNCTION officesync.require_branch_labels() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    renamed record;
BEGIN
    SELECT t.relation, t.branch_column, h.old_label, h.new_label INTO renamed
    FROM officesync.schema_history h
    JOIN officesync.tracked t ON t.relation = to_regclass(format('%I.%I', h.schema_name, h.table_name))
         AND t.branch_column = h."column"
    WHERE h.what = 'rename label' AND h.xid = pg_current_xact_id() LIMIT 1;
    IF FOUND THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('the label %L can''t be renamed: column "%s" of table %s tells by it to which branch its rows belong',
                             renamed.old_label, renamed.branch_column, renamed.relation),
            DETAIL = 'All its rows would change hands, and none of them is changed.',
            HINT = format('Add the label %L, and UPDATE the rows.', renamed.new_label);
    END IF;
END
$$;

-- require_no_dependents(relation): raises an error where other tables are shared out as this one is. Called by: untrack.
CREATE FUNCTION officesync.require_no_dependents(relation regclass) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    dependent regclass := (SELECT d.dependent FROM officesync.scope_dependents(relation) d LIMIT 1);
BEGIN
    IF dependent IS NOT NULL THEN
        RAISE dependent_objects_still_exist USING
            MESSAGE = format('table %s can''t be untracked: it tells to which branch the rows of table %s belong', relation, dependent),
            HINT = format('SELECT officesync.untrack(%L) first.', dependent);
    END IF;
END
$$;
