-- verify_in_background(every, rest): begins to compare each branch that was not compared as a whole for so long,
-- with a rest before each look; and forgets comparisons of a month ago that found nothing. Returns how many were
-- begun. Called by: the head's relay, now and then. Touches: as verify.
CREATE FUNCTION officesync.verify_in_background(every interval, rest interval DEFAULT '1 second') RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    begun bigint;
BEGIN
    PERFORM officesync.require_relay_or_administrator();
    DELETE FROM officesync.verification v
    WHERE v.finished_at < clock_timestamp() - interval '30 days'
      AND NOT EXISTS (SELECT FROM officesync.difference d WHERE d.verification = v.id);
    SELECT count(*) INTO begun
    FROM officesync.peer p CROSS JOIN LATERAL officesync.verify(p.name, NULL, 'report', verify_in_background.rest)
    WHERE p.role = 'branch' AND coalesce(p.verified_at, p.first_seen_at) < clock_timestamp() - verify_in_background.every
      AND NOT EXISTS (SELECT FROM officesync.verification v
                      WHERE v.office = p.name AND v.whole AND v.finished_at IS NULL);
    RETURN begun;
END
$$;
