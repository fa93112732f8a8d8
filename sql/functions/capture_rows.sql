-- capture_rows(partition, root, direction, deleted): captures every row of a partition of the tracked
-- table as inserted or as deleted: no row trigger fires when a partition is attached, detached or
-- dropped. Called by: cover_partitions, guard_partitions. Touches: outbox.
CREATE FUNCTION officesync.capture_rows(partition oid, root oid, direction text, deleted boolean) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'capture_rows_wrapper';
