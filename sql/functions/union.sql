-- union_of_arrays(ours, theirs, base), union_of_objects(ours, theirs, base): what either side added to base,
-- without what either removed; for the policy 'union'. Objects go by their keys; where both sides changed a
-- key's value, theirs stands. Called by: the merge.
CREATE FUNCTION officesync.union_of_arrays(ours anyarray, theirs anyarray, base anyarray) RETURNS anyarray
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(array_agg(e ORDER BY side, nth), ours[1:0])
    FROM (SELECT o.e, 1 AS side, o.nth FROM unnest(ours) WITH ORDINALITY AS o (e, nth)
          WHERE base IS NULL
             OR NOT EXISTS (SELECT FROM unnest(base) b WHERE b IS NOT DISTINCT FROM o.e)
             OR EXISTS (SELECT FROM unnest(theirs) t WHERE t IS NOT DISTINCT FROM o.e)
          UNION ALL
          SELECT t.e, 2, t.nth FROM unnest(theirs) WITH ORDINALITY AS t (e, nth)
          WHERE NOT EXISTS (SELECT FROM unnest(ours) o WHERE o IS NOT DISTINCT FROM t.e)
            AND (base IS NULL
                 OR NOT EXISTS (SELECT FROM unnest(base) b WHERE b IS NOT DISTINCT FROM t.e))) AS united
$$;

CREATE FUNCTION officesync.union_of_objects(ours jsonb, theirs jsonb, base jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ours
           - ARRAY(SELECT jsonb_object_keys(coalesce(base, '{}'))
                   EXCEPT SELECT jsonb_object_keys(theirs))
           || coalesce((SELECT jsonb_object_agg(t.key, t.value) FROM jsonb_each(theirs) t
                        WHERE t.value IS DISTINCT FROM base -> t.key), '{}')
$$;
