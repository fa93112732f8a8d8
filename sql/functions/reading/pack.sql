-- pack(body), unpack(body, encoding): a zstd frame, and what was in it (64 MB at most). Called by: read_next,
-- take_reading.
CREATE FUNCTION officesync.pack(body bytea) RETURNS bytea
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pack_wrapper';
CREATE FUNCTION officesync.unpack(body bytea, encoding text) RETURNS bytea
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'unpack_wrapper';
