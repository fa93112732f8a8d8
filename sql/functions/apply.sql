-- apply(...): takes one part of another office's tick. A tick that came whole is applied in this
-- transaction, together with the position; anything else is kept in the inbox or answered.
-- outcome: applied; duplicate; staged (apply_staged() next); held (the lane is halted); gap
-- (position: the last tick received whole); unknown (that office has to say hello first);
-- quarantined. seen: the position the sender may be told; behind the other while rows were left out.
-- An error means that nothing was done. Called by: the relay.
-- Touches: peer, inbox, quarantine, the tracked tables and (at the head) outbox.
-- The commit is visible before it is on disk, whatever synchronous_commit is: what lets the sender forget
-- the tick comes only after flush().
-- continued: the body goes on in the next part; only apply_staged() reads it, joined.
-- The settings pin how text is read, and keep user triggers and foreign keys out: what arrives has
-- passed them at the office that wrote it.
CREATE FUNCTION officesync.apply(
    origin text, incarnation text, tick bigint, previous bigint, part integer, last boolean,
    created_us bigint, peer_position bigint, position_incarnation text, broker_user text,
    encoding text, body bytea, continued boolean DEFAULT false)
RETURNS TABLE (outcome text, "position" bigint, changes bigint, detail text, seen bigint)
-- It runs as a replica does, which the library arranges: SET session_replication_role would make it plan
-- all its statements again at each call.
LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET DateStyle = 'ISO, MDY' SET IntervalStyle = postgres SET TimeZone = 'UTC'
SET lc_monetary = 'C' SET xmloption = content SET extra_float_digits = 1 SET bytea_output = hex
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
SET plan_cache_mode = force_generic_plan
-- Of a deadlock with a user's transaction this one is the victim: it is tried again.
SET deadlock_timeout = '50ms'
-- Where the circle closes later, it gives way before the user's own second is over.
SET lock_timeout = '500ms'
AS 'MODULE_PATHNAME', 'apply_wrapper';
