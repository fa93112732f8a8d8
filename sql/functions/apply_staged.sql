-- apply_staged(origin): applies the next tick of that office that lies whole in the inbox, in one
-- transaction. outcome: applied; nothing; halted. Called by: the relay, until not applied.
-- Touches: as apply; the commit is on disk after flush().
CREATE FUNCTION officesync.apply_staged(origin text)
RETURNS TABLE (outcome text, "position" bigint, changes bigint, detail text, seen bigint)
LANGUAGE c STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET DateStyle = 'ISO, MDY' SET IntervalStyle = postgres SET TimeZone = 'UTC'
SET lc_monetary = 'C' SET xmloption = content SET extra_float_digits = 1 SET bytea_output = hex
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
SET plan_cache_mode = force_generic_plan
-- Of a deadlock with a user's transaction this one is the victim: it is tried again.
SET deadlock_timeout = '50ms'
-- Where the circle closes later, it gives way before the user's own second is over.
SET lock_timeout = '500ms'
AS 'MODULE_PATHNAME', 'apply_staged_wrapper';
