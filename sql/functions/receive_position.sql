-- receive_position(...): at the head, a branch says how far it has applied our log; from another user
-- of the broker it counts for nothing. Called by: the head's relay. Touches: peer (last_seen_at at most every five minutes, so that idle offices cause
-- no writing).
CREATE FUNCTION officesync.receive_position(
    origin text, incarnation text, broker_user text, peer_position bigint, position_incarnation text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE officesync.peer p
    SET acknowledged_tick = greatest(p.acknowledged_tick, receive_position.peer_position),
        last_seen_at = clock_timestamp()
    FROM officesync.office here
    WHERE p.name = receive_position.origin AND p.incarnation = receive_position.incarnation
      AND p.broker_user IS NOT DISTINCT FROM receive_position.broker_user
      AND here.incarnation = receive_position.position_incarnation
      AND receive_position.peer_position <= (SELECT max(t.number) FROM officesync.tick t)
      AND (p.acknowledged_tick < receive_position.peer_position
           OR p.last_seen_at < clock_timestamp() - interval '5 minutes')
$$;
