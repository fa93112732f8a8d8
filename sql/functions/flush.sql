-- flush(): returns when everything committed here before the call is on disk, and at the synchronous
-- standbys. apply() commits without waiting for that, so the relay calls it before it says or does what
-- lets another office forget what was applied. Writes no WAL. Called by: the relay. Touches nothing.
CREATE FUNCTION officesync.flush() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'flush_wrapper';
