-- run_ddl(statement, search_path): runs one statement of the head: of a kind that is allowed, about tracked
-- tables and what belongs to them, or about what such statements made in this transaction, with the rights of
-- the owner (for new objects the database's). What is done already is left alone. Called by: the library's
-- apply, and whoever makes tables after definitions that the head sent.
CREATE FUNCTION officesync.run_ddl(statement text, search_path text[] DEFAULT '{}') RETURNS void
LANGUAGE c STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET session_replication_role = replica
AS 'MODULE_PATHNAME', 'run_ddl_wrapper';
