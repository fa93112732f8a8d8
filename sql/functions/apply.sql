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
-- Runs as a replica does, and with settings of its own, which the library sets (extension/src/pg/settings.rs).
CREATE FUNCTION officesync.apply(
    origin text, incarnation text, tick bigint, previous bigint, part integer, last boolean,
    created_us bigint, peer_position bigint, position_incarnation text, broker_user text,
    encoding text, body bytea, continued boolean DEFAULT false)
RETURNS TABLE (outcome text, "position" bigint, changes bigint, detail text, seen bigint)
LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'apply_wrapper';
