-- mark_applied(origin, incarnation, tick): makes this transaction acknowledge that tick, as if it had
-- applied it. Called by: skip. Touches (at the head): outbox.
CREATE FUNCTION officesync.mark_applied(origin text, incarnation text, tick bigint) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'mark_applied_wrapper';
