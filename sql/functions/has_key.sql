-- has_key(relation): whether its replica identity is a primary key or a chosen unique index.
CREATE FUNCTION officesync.has_key(relation regclass) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid
        WHERE c.oid = has_key.relation AND i.indisvalid
          AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident
              ELSE false END)
$$;
