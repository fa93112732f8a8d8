-- relay_start(relay_version): tells a relay which office it serves, or why it can't.
-- Called by: the relay at each connect. Touches nothing.
CREATE FUNCTION officesync.relay_start(relay_version text)
RETURNS TABLE (office text, role text, incarnation text, extension_version text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    here      officesync.office;
    installed text;
BEGIN
    IF pg_is_in_recovery() THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = 'this server is a standby',
            HINT = 'Point OFFICESYNC_DATABASE_URL at the primary (target_session_attrs=read-write finds it).';
    END IF;
    here := officesync.this_office();
    SELECT e.extversion INTO installed FROM pg_extension e WHERE e.extname = 'officesync';
    IF split_part(installed, '.', 1) || '.' || split_part(installed, '.', 2)
       IS DISTINCT FROM split_part(relay_version, '.', 1) || '.' || split_part(relay_version, '.', 2) THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('the relay is of version %s, the extension of version %s', relay_version, installed),
            HINT = 'Install the same version of both; the extension with ALTER EXTENSION officesync UPDATE.';
    END IF;
    RETURN QUERY SELECT here.name, here.role, here.incarnation, installed;
END
$$;
