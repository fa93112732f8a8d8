-- verify_key(schema, table), verify_columns(schema, table): the columns of the key by which rows are told apart
-- (none: nothing does), and those that travel; NULL where the table is not tracked.
CREATE FUNCTION officesync.verify_key(schema text, "table" text) RETURNS text[]
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'verify_key_wrapper';
CREATE FUNCTION officesync.verify_columns(schema text, "table" text) RETURNS text[]
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'verify_columns_wrapper';

-- range_digests(...): the rows behind the key "after", up to and with "upto" (NULL: without end), in parts of
-- part_rows rows, as far as max_rows go (branch: only what that branch gets; '': all): the last key of each (NULL: the range's end is without end), the rows,
-- their digest, and whether the range ends there. Called by: read_ranges, take_ranges.
CREATE FUNCTION officesync.range_digests(
    schema text, "table" text, columns text[], key text[], after text[], upto text[], plain_order boolean,
    part_rows bigint, max_rows bigint, branch text DEFAULT '')
RETURNS TABLE (upto text[], rows bigint, digest text, ended boolean)
LANGUAGE c SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
AS 'MODULE_PATHNAME', 'range_digests_wrapper';

-- range_rows(...): the rows of such a range: key, hash, and the texts of the columns. Called by: read_rows,
-- take_rows.
CREATE FUNCTION officesync.range_rows(
    schema text, "table" text, columns text[], key text[], after text[], upto text[], plain_order boolean,
    max_rows bigint, branch text DEFAULT '')
RETURNS TABLE (key text[], hash text, texts text[])
LANGUAGE c SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
AS 'MODULE_PATHNAME', 'range_rows_wrapper';

-- is_pending(schema, table, key, values): at a branch, whether that row has changes the head has not decided on.
-- Asked after the row is read: then whatever it showed is known. Called by: take_ranges, take_rows.
CREATE FUNCTION officesync.is_pending(schema text, "table" text, key text[], "values" text[]) RETURNS boolean
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'is_pending_wrapper';

-- tell_row(schema, table, key, values, gone, branch): at the head, tells how the row with that key stands, as
-- an ordinary change; returns its texts in the order of the columns' names, NULL where there is no such row. gone:
-- that is told too; the caller has locked the table, so that no such row comes meanwhile. branch: nobody else is told,
-- and a row that is not its own is none; '': all are, of a table that is shared out each of its own rows. Called by:
-- note_difference, resend_row. Touches: outbox.
CREATE FUNCTION officesync.tell_row(schema text, "table" text, key text[], "values" text[], gone boolean, branch text DEFAULT '') RETURNS text[]
LANGUAGE c STRICT
SET DateStyle = 'ISO, MDY' SET IntervalStyle = postgres SET TimeZone = 'UTC'
SET lc_monetary = 'C' SET xmloption = content SET extra_float_digits = 3 SET bytea_output = hex
AS 'MODULE_PATHNAME', 'tell_row_wrapper';

-- key_order(schema, table, key): what the order of these keys rests on here: an office with another answer may
-- order texts otherwise.
CREATE FUNCTION officesync.key_order(schema text, "table" text, key text[]) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(string_agg(CASE
               WHEN c.oid IS NULL OR c.collcollate IN ('C', 'POSIX') THEN ''
               WHEN c.collprovider = 'd' THEN concat_ws(' ', d.datcollate, pg_collation_actual_version(c.oid))
               ELSE concat_ws(' ', c.collprovider, to_jsonb(c) ->> 'collcollate', to_jsonb(c) ->> 'colliculocale',
                              to_jsonb(c) ->> 'colllocale', pg_collation_actual_version(c.oid)) END,
           ',' ORDER BY k.nth), '')
    FROM pg_database d, unnest(key_order.key) WITH ORDINALITY AS k (name, nth)
    JOIN pg_attribute a ON a.attname = k.name
         AND a.attrelid = to_regclass(format('%I.%I', key_order.schema, key_order."table"))
    LEFT JOIN pg_collation c ON c.oid = a.attcollation
    WHERE d.datname = current_database()
$$;
