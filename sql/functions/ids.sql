-- sequences_of(relation): the sequences that the table takes values from, by default or identity.
-- in_key: for a column of the key. plain: nothing keeps two offices from drawing the same number, neither a
-- step nor a range of their own. Called by: require_own_ids, spread_ids, check.
CREATE FUNCTION officesync.sequences_of(relation regclass)
RETURNS TABLE ("column" name, sequence regclass, in_key boolean, plain boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH used AS (
        -- The default expression depends on the sequence; an identity's sequence on its column.
        SELECT f.adnum AS attnum, d.refobjid AS seqrelid
        FROM pg_attrdef f
        JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass
        JOIN pg_sequence s ON s.seqrelid = d.refobjid
        WHERE f.adrelid = relation
      UNION
        SELECT d.refobjsubid, d.objid
        FROM pg_depend d JOIN pg_sequence s ON s.seqrelid = d.objid
        WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i'
          AND d.refobjid = relation
    )
    SELECT a.attname, u.seqrelid::regclass,
           EXISTS (SELECT FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid
                   WHERE c.oid = relation AND a.attnum = ANY (i.indkey::int2[])
                     AND CASE c.relreplident WHEN 'i' THEN i.indisreplident ELSE i.indisprimary END),
           s.seqincrement = 1 AND s.seqmin = 1
           AND s.seqmax = CASE s.seqtypid WHEN 'smallint'::regtype THEN 32767 WHEN 'integer'::regtype THEN 2147483647
                          ELSE 9223372036854775807 END
    FROM used u
    JOIN pg_attribute a ON a.attrelid = relation AND a.attnum = u.attnum
    JOIN pg_sequence s ON s.seqrelid = u.seqrelid
$$;

-- require_own_ids(relation): raises an error where the key of a table comes from a sequence that every
-- office would count alike. Called by: track, for tables that go both ways.
CREATE FUNCTION officesync.require_own_ids(relation regclass) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    shared record;
BEGIN
    SELECT s.* INTO shared FROM officesync.sequences_of(relation) s WHERE s.in_key AND s.plain LIMIT 1;
    IF FOUND THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('table %s can''t be tracked both ways: its key "%s" comes from the sequence %s',
                             relation, shared."column", shared.sequence),
            DETAIL = 'Every office would count alike, and two offices give different rows the same id.',
            HINT = format('Run SELECT officesync.spread_ids(%L) first (each office then has ids of its own), or make ids with '
                          'ALTER TABLE %s ALTER %I SET DEFAULT officesync.new_id() (bigint), or use uuid keys.',
                          relation, relation, shared."column");
    END IF;
END
$$;

-- spread_ids(table): lets the sequences behind the table's key count in steps of 1024, from above the highest
-- id here, so that each office draws ids that no other ever does. Run at each office, by the table's owner.
CREATE FUNCTION officesync.spread_ids("table" regclass) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    here     officesync.office := officesync.this_office();
    relation regclass := spread_ids."table";
    found_id bigint;
    key      record;
    number   integer;
BEGIN
    IF relation IS NULL
       OR NOT pg_has_role(officesync.calling_role(), (SELECT c.relowner FROM pg_class c WHERE c.oid = relation), 'USAGE') THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('must be owner of table %s', coalesce(relation::text, 'NULL'));
    END IF;
    IF here.number IS NULL THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('the branch "%s" has no number yet', here.name),
            DETAIL = 'The head gives it one when the branch''s relay connects for the first time.',
            HINT = 'Start the relay of this office, then run this again.';
    END IF;
    FOR key IN SELECT * FROM officesync.sequences_of(relation) s WHERE s.in_key LOOP
        EXECUTE format('SELECT greatest(max(t.%I)::bigint, (SELECT s.last_value FROM %s s), 0) FROM %s t',
                       key."column", key.sequence, relation) INTO found_id;
        number := here.number;
        EXECUTE format('ALTER SEQUENCE %s INCREMENT BY 1024', key.sequence);
        PERFORM setval(key.sequence, (found_id / 1024 + 1) * 1024 + number, false);
    END LOOP;
    IF number IS NULL THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('the key of table %s comes from no sequence', relation),
            HINT = 'There is nothing to spread.';
    END IF;
END
$$;

-- new_id(): a bigint that no other office makes, later ones greater: 41 bits of milliseconds since 2020, 10 of
-- the office's number, 12 that count. For a column's default. Called by: whoever inserts.
CREATE SEQUENCE officesync.id_counter MAXVALUE 4095 MINVALUE 0 START 0 CYCLE;
CREATE FUNCTION officesync.new_id() RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    here   officesync.office := officesync.this_office();
    passed bigint := (extract(epoch FROM clock_timestamp()) * 1000)::bigint - 1577836800000;
BEGIN
    IF here.number IS NULL THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('the branch "%s" has no number yet', here.name),
            DETAIL = 'The head gives it one when the branch''s relay connects for the first time.',
            HINT = 'Start the relay of this office first.';
    END IF;
    RETURN (passed << 22) | (here.number::bigint << 12) | nextval('officesync.id_counter');
END
$$;
