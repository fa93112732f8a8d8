-- tracked_members(): every tracked table with itself and its partitions, those of partitions as well.
-- Reads the catalogue only and waits for nobody's lock. Called by: the check_ functions.
CREATE FUNCTION officesync.tracked_members() RETURNS TABLE (relation regclass, direction text, member regclass)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE members AS (
        SELECT t.relation, t.direction, t.relation AS member
        FROM officesync.tracked t JOIN pg_class c ON c.oid = t.relation
      UNION
        SELECT m.relation, m.direction, i.inhrelid::regclass
        FROM members m
        JOIN pg_inherits i ON i.inhparent = m.member
        JOIN pg_class c ON c.oid = i.inhrelid AND c.relispartition
    )
    SELECT relation, direction, member FROM members
$$;
