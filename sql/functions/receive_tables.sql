-- is_table_definition(value): whether it is an object as table_definitions() writes one, with nothing
-- in it that is longer than PostgreSQL's own names and types can be. Called by: receive_tables.
CREATE FUNCTION officesync.is_table_definition(value jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH names (list) AS (
        VALUES (value -> 'table'), (coalesce(value -> 'not_null', '[]')), (coalesce(value -> 'generated', '[]')),
               (coalesce(nullif(value -> 'key', 'null'), '[]'))
    )
    SELECT CASE
        WHEN jsonb_typeof(value) IS DISTINCT FROM 'object' OR NOT value ?& ARRAY['table', 'direction', 'columns', 'key']
             OR jsonb_typeof(value -> 'columns') <> 'object'
             OR jsonb_typeof(coalesce(value -> 'enums', '{}')) <> 'object' THEN false
        WHEN EXISTS (SELECT FROM names WHERE jsonb_typeof(list) <> 'array') THEN false
        WHEN jsonb_typeof(coalesce(value -> 'branch_column', '""')) <> 'string' OR octet_length(value ->> 'branch_column') > 63
             OR jsonb_typeof(coalesce(value -> 'branch_path', '""')) <> 'string' OR octet_length(value ->> 'branch_path') > 8000 THEN false
        ELSE value ->> 'direction' IN ('both', 'down', 'up')
             AND jsonb_array_length(value -> 'table') = 2
             AND NOT EXISTS (
                 SELECT FROM names, jsonb_array_elements(list) n
                 WHERE jsonb_typeof(n) <> 'string' OR octet_length(n #>> '{}') NOT BETWEEN 1 AND 63)
             AND NOT EXISTS (
                 SELECT FROM jsonb_each(value -> 'columns') c
                 WHERE octet_length(c.key) NOT BETWEEN 1 AND 63
                    OR jsonb_typeof(c.value) <> 'string' OR octet_length(c.value #>> '{}') NOT BETWEEN 1 AND 512)
             AND NOT EXISTS (
                 SELECT FROM jsonb_each(value -> 'enums') e
                 WHERE CASE jsonb_typeof(e.value) WHEN 'array' THEN EXISTS (
                           SELECT FROM jsonb_array_elements(e.value) l
                           WHERE jsonb_typeof(l) <> 'string' OR octet_length(l #>> '{}') > 63)
                       ELSE true END)
             AND (SELECT count(*) <= 1600 FROM jsonb_object_keys(value -> 'columns'))
             AND NOT EXISTS (
                 SELECT FROM jsonb_object_keys(value) f
                 WHERE f NOT IN ('table', 'direction', 'columns', 'key', 'not_null', 'generated', 'enums', 'branch_column', 'branch_path') AND f NOT LIKE 'x\_%')
    END
$$;

-- receive_tables(...): another office tells the definitions of its tracked tables, a branch also its functions; true
-- when they are news. Nothing is taken on trust: the office must be known, and be who the broker says, and
-- only what is shaped like a definition is kept. Called by: the relay. Touches: peer_tables and
-- held_tables, and those only when something is new.
CREATE FUNCTION officesync.receive_tables(
    origin text, incarnation text, broker_user text, digest text, definitions text, functions text[] DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    told  jsonb;
    wrong text;
BEGIN
    PERFORM officesync.require_sender(receive_tables.origin, receive_tables.incarnation, receive_tables.broker_user);
    IF receive_tables.digest = officesync.held_tables(receive_tables.origin) THEN
        RETURN false;
    END IF;
    told := CASE WHEN octet_length(receive_tables.definitions) <= 8000000 THEN receive_tables.definitions END::jsonb;
    wrong := CASE
        WHEN receive_tables.digest IS NULL OR receive_tables.digest !~ '^[0-9A-Za-z_-]{1,128}$' THEN 'the digest is none'
        WHEN told IS NULL THEN 'there is nothing, or more than 8 MB'
        WHEN jsonb_typeof(told) <> 'array' THEN 'it is not an array'
        WHEN jsonb_array_length(told) > 20000 THEN 'it has more than 20000 tables'
        ELSE (SELECT format('number %s in the array is not the definition of a table', d.number)
              FROM jsonb_array_elements(told) WITH ORDINALITY d (value, number)
              WHERE officesync.is_table_definition(d.value) IS NOT TRUE LIMIT 1) END;
    IF wrong IS NULL AND (SELECT count(*) > count(DISTINCT d -> 'table') FROM jsonb_array_elements(told) d) THEN
        wrong := 'a table is in it twice';
    END IF;
    IF wrong IS NULL AND (cardinality(receive_tables.functions) > 100000
                          OR EXISTS (SELECT FROM unnest(receive_tables.functions) f WHERE coalesce(length(f), 1000) > 260)) THEN
        wrong := 'the names of its functions are too many, or none';
    END IF;
    IF wrong IS NOT NULL THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('the definitions of tables from office "%s" can''t be used: %s', receive_tables.origin, wrong),
            HINT = 'What was known of its tables stays. Is its officesync of this version?';
    END IF;
    DELETE FROM officesync.peer_tables p
    WHERE p.office = receive_tables.origin
      AND NOT EXISTS (SELECT FROM jsonb_array_elements(told) d
                      WHERE d -> 'table' = jsonb_build_array(p.schema, p.name) AND d = p.definition);
    INSERT INTO officesync.peer_tables (office, schema, name, definition)
    SELECT receive_tables.origin, d -> 'table' ->> 0, d -> 'table' ->> 1, d
    FROM jsonb_array_elements(told) d
    ON CONFLICT ON CONSTRAINT peer_tables_pkey DO NOTHING;
    INSERT INTO officesync.held_tables (office, digest, functions)
    VALUES (receive_tables.origin, receive_tables.digest, receive_tables.functions)
    ON CONFLICT ON CONSTRAINT held_tables_pkey
    DO UPDATE SET digest = excluded.digest, functions = excluded.functions, received_at = excluded.received_at;
    RETURN true;
END
$$;
