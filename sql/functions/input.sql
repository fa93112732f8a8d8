-- input(text, NULL::type[]): what the type's input function makes of the text. Not always what a cast
-- does: '-'::regclass is a value, '-'::text::regclass an error. (An array, because a NULL of a domain may
-- be forbidden.) Called by: the statements of apply.
CREATE FUNCTION officesync.input(value text, of_type anyarray) RETURNS anyelement
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'officesync_input';
