-- settle(tick): all ticks up to this one were published and confirmed. Called by: the relay.
-- Touches: publisher.
CREATE FUNCTION officesync.settle(tick bigint) RETURNS void
-- PL/pgSQL for its kept plan, as ticks_after().
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE officesync.publisher SET sent_tick = settle.tick WHERE sent_tick < settle.tick;
END
$$;
