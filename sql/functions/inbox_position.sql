-- inbox_position(): for each peer, the last tick of its log that is applied here.
-- Called by: the relay. Touches nothing.
CREATE FUNCTION officesync.inbox_position() RETURNS TABLE (origin text, incarnation text, "position" bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT p.name, p.incarnation, p.applied_tick FROM officesync.peer p $$;
