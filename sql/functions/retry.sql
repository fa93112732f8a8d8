-- retry(origin): lets a halted lane try again, after the cause was put right. Called by: an
-- operator. Touches: halted.
CREATE FUNCTION officesync.retry(origin text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM officesync.require_administrator();
    PERFORM officesync.require_peer(retry.origin);
    DELETE FROM officesync.halted h WHERE h.origin = retry.origin;
    IF NOT FOUND THEN
        RAISE NOTICE 'the lane of office "%" is not halted', retry.origin;
    END IF;
    NOTIFY officesync_lane;
END
$$;
