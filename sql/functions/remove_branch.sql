-- remove_branch(name): at the head, forgets a branch: what waits for it is no longer kept, and what
-- it sends is no longer taken. Its database stays as it is. Called by: an operator. Touches: peer,
-- inbox, halted.
CREATE FUNCTION officesync.remove_branch(name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM officesync.require_administrator();
    PERFORM officesync.require_peer(remove_branch.name);
    DELETE FROM officesync.peer p WHERE p.name = remove_branch.name AND p.role = 'branch';
    IF NOT FOUND THEN
        RAISE wrong_object_type USING
            MESSAGE = format('office "%s" is not a branch', remove_branch.name),
            HINT = 'Branches are removed at the head.';
    END IF;
END
$$;
