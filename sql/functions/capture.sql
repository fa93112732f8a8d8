-- capture(direction): the trigger on every tracked table.
-- Called by: PostgreSQL, for each changed row and each TRUNCATE. Touches: outbox (when the buffer
-- is full, and at commit). Not SECURITY DEFINER: it runs no SQL, and writes to the outbox directly.
CREATE FUNCTION officesync.capture() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'officesync_capture';
