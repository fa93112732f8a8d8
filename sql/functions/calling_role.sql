-- calling_role(): the role that called the outermost function, also inside SECURITY DEFINER.
CREATE FUNCTION officesync.calling_role() RETURNS oid
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'calling_role_wrapper';
