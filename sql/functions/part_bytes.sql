-- part_bytes(): how large a message may become before the next is begun. Well below the broker's
-- limit (128 MB), small enough that a slow link loses little when it breaks.
CREATE FUNCTION officesync.part_bytes() RETURNS integer
LANGUAGE sql IMMUTABLE AS $$ SELECT 512 * 1024 $$;
