-- apply_staged(origin): applies the next tick of that office that lies whole in the inbox, in one
-- transaction. outcome: applied; nothing; halted. Called by: the relay, until not applied.
-- Touches: as apply; the commit is on disk after flush().
CREATE FUNCTION officesync.apply_staged(origin text)
RETURNS TABLE (outcome text, "position" bigint, changes bigint, detail text, seen bigint)
LANGUAGE c STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'apply_staged_wrapper';
