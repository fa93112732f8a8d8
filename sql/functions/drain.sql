-- drain(tick, after_sequence, after_chunk, from_byte, target): the next part of a tick's body after that cursor;
-- (0, -1, 0) for the first. last says that it is the tick's final part. A row much larger than a part
-- comes in pieces: continue_at is then the byte of it at which the next part begins, else 0. The same
-- tick gives the same parts every time. target: what that branch gets; '': what is for all; where that is
-- nothing, one part without a body. Called by: the relay. Touches nothing.
CREATE FUNCTION officesync.drain(
    tick bigint, after_sequence bigint, after_chunk integer, from_byte integer DEFAULT 0, target text DEFAULT '')
RETURNS TABLE (
    sequence bigint, chunk integer, last boolean, encoding text, changes integer, body bytea,
    continue_at integer)
LANGUAGE c STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
SET plan_cache_mode = force_generic_plan
AS 'MODULE_PATHNAME', 'drain_wrapper';
