-- require_peer(origin): raises an error unless that office is known here.
CREATE FUNCTION officesync.require_peer(origin text) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM officesync.peer p WHERE p.name = require_peer.origin) THEN
        RAISE undefined_object USING
            MESSAGE = format('the office %L is not known here', require_peer.origin),
            HINT = coalesce('Known: ' || (SELECT string_agg(p.name, ', ' ORDER BY p.name) FROM officesync.peer p) || '.',
                            'No office is known here yet.');
    END IF;
END
$$;
