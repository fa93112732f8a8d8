-- tracked_sequences(): the sequences that tracked tables take values from, by default or identity.
-- in_key: for a column of the key. plain: nothing keeps two offices from drawing the same number.
CREATE FUNCTION officesync.tracked_sequences()
RETURNS TABLE (relation regclass, direction text, "column" name, sequence regclass, in_key boolean, plain boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH used AS (
        -- The default expression depends on the sequence; an identity's sequence on its column.
        SELECT f.adrelid AS relid, f.adnum AS attnum, d.refobjid AS seqrelid
        FROM pg_attrdef f
        JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass
        JOIN pg_sequence s ON s.seqrelid = d.refobjid
        WHERE f.adrelid IN (SELECT t.relation FROM officesync.tracked t)
      UNION
        SELECT d.refobjid, d.refobjsubid, d.objid
        FROM pg_depend d JOIN pg_sequence s ON s.seqrelid = d.objid
        WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i'
          AND d.refobjid IN (SELECT t.relation FROM officesync.tracked t)
    )
    SELECT t.relation, t.direction, a.attname, u.seqrelid::regclass,
           EXISTS (SELECT FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid
                   WHERE c.oid = t.relation AND a.attnum = ANY (i.indkey::int2[])
                     AND CASE c.relreplident WHEN 'i' THEN i.indisreplident ELSE i.indisprimary END),
           s.seqincrement = 1 AND s.seqmin = 1
           AND s.seqmax = CASE s.seqtypid WHEN 'smallint'::regtype THEN 32767 WHEN 'integer'::regtype THEN 2147483647
                          ELSE 9223372036854775807 END
    FROM used u
    JOIN officesync.tracked t ON t.relation = u.relid
    JOIN pg_attribute a ON a.attrelid = u.relid AND a.attnum = u.attnum
    JOIN pg_sequence s ON s.seqrelid = u.seqrelid
$$;

-- check_sequences(): keys that two offices would both hand out.
CREATE FUNCTION officesync.check_sequences() RETURNS TABLE (severity text, object text, problem text, remedy text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'warning', s.relation::text,
           format('the key column %I is numbered by the sequence %s, whose value does not travel: '
                  'two offices will hand out the same number', s."column", s.sequence),
           format('use a uuid (DEFAULT gen_random_uuid()), or give each office a range: '
                  'ALTER SEQUENCE %s MINVALUE 1000000 MAXVALUE 1999999 START 1000000 RESTART', s.sequence)
    FROM officesync.tracked_sequences() s
    -- Up: every branch is an author.
    WHERE s.direction IN ('both', 'up') AND s.in_key AND s.plain
$$;
