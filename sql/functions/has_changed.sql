-- has_changed(relation): tells every session, once this is committed, to read anew what it knows of that
-- relation. Called by: prune, set_policy.
CREATE FUNCTION officesync.has_changed(relation regclass) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'has_changed_wrapper';
