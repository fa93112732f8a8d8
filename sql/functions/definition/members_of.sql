-- members_of(relations): those tables and all their partitions; level 0 is a table itself.
-- An error for a table that takes part in inheritance: its rows would not all be its own.
-- Called by: definitions.
CREATE FUNCTION officesync.members_of(relations oid[]) RETURNS TABLE (relation oid, level integer)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    inherits record;
BEGIN
    SELECT i.inhrelid::regclass AS child, i.inhparent::regclass AS parent INTO inherits
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE (i.inhrelid = ANY (relations) OR i.inhparent = ANY (relations)) AND NOT c.relispartition
      AND c.relkind = 'r' LIMIT 1;
    IF FOUND THEN
        RAISE feature_not_supported USING
            MESSAGE = format('table %s inherits from %s: such tables can''t be made at another office', inherits.child, inherits.parent),
            DETAIL = 'A table with children shows rows that are not its own.',
            HINT = 'Create the tables there by hand, or make partitions of the children.';
    END IF;
    RETURN QUERY
        SELECT p.relid::oid, p.level FROM unnest(relations) r CROSS JOIN LATERAL pg_partition_tree(r) p
      UNION
        -- pg_partition_tree() knows nothing of a table that has no partitions.
        SELECT r, 0 FROM unnest(relations) r;
END
$$;
