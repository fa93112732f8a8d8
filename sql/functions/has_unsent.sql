-- has_unsent(): whether anything captured here has not been confirmed by the broker yet.
CREATE FUNCTION officesync.has_unsent() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM officesync.publisher p
        JOIN officesync.tick t ON t.number = p.sent_tick
        JOIN officesync.outbox o ON o.xid >= pg_snapshot_xmin(t.snapshot)
                                AND NOT pg_visible_in_snapshot(o.xid, t.snapshot))
$$;
