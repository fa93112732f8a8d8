-- require_sender(origin, incarnation, broker_user): raises an error unless a message of that office,
-- in that life of its database, may come from that user of the broker. Called by: tell_tables,
-- receive_tables.
CREATE FUNCTION officesync.require_sender(origin text, incarnation text, broker_user text) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM officesync.peer p
                   WHERE p.name = require_sender.origin AND p.incarnation = require_sender.incarnation
                     AND p.broker_user IS NOT DISTINCT FROM require_sender.broker_user) THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('a message of office %L that came from the broker user %L is refused',
                             require_sender.origin, require_sender.broker_user),
            DETAIL = 'No office of this name, incarnation and broker user is known here.',
            HINT = 'Nothing to do if it has just been removed; otherwise look at who may publish as that user.';
    END IF;
END
$$;
