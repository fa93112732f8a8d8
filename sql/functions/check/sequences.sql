-- tracked_sequences(): the sequences that tracked tables take values from.
CREATE FUNCTION officesync.tracked_sequences()
RETURNS TABLE (relation regclass, direction text, "column" name, sequence regclass, in_key boolean, plain boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT t.relation, t.direction, s.* FROM officesync.tracked t, officesync.sequences_of(t.relation) s $$;

-- check_sequences(): keys that two offices would both hand out.
CREATE FUNCTION officesync.check_sequences() RETURNS TABLE (severity text, object text, problem text, remedy text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'warning', s.relation::text,
           format('the key column %I is numbered by the sequence %s, whose value does not travel: '
                  'two offices will hand out the same number', s."column", s.sequence),
           format('SELECT officesync.spread_ids(%L) at each office, or use a uuid (DEFAULT gen_random_uuid())',
                  s.relation::text)
    FROM officesync.tracked_sequences() s
    -- Up: every branch is an author.
    WHERE s.direction IN ('both', 'up') AND s.in_key AND s.plain
$$;
