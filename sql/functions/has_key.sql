-- has_key(relation): whether a change of a row can find it at the other offices: by a primary key, a
-- chosen unique index, or, with replica identity FULL, by the whole row.
CREATE FUNCTION officesync.has_key(relation regclass) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM pg_class c LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisvalid
        WHERE c.oid = has_key.relation
          AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident
              ELSE c.relreplident = 'f' END)
$$;
