-- relay_functions(): what a relay calls; nobody else may. grant_relay(role): lets a role run the
-- relay of this office; it needs no other right, and owns nothing. Called by: an administrator.
CREATE FUNCTION officesync.relay_functions() RETURNS SETOF regprocedure
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p.oid::regprocedure FROM pg_proc p
    WHERE p.pronamespace = 'officesync'::regnamespace
      AND p.proname IN ('relay_start', 'try_lead', 'doze', 'wake', 'tick', 'next_tick', 'outbox_position', 'ticks_after',
                        'drain', 'recipients', 'settle', 'prune', 'apply', 'apply_staged', 'flush', 'staged_lanes', 'inbox_position',
                        'halt_lane', 'receive_hello', 'receive_welcome', 'receive_position', 'require_sender', 'check',
                        'peek', 'join', 'load_answers', 'load_state', 'load_step', 'load_progress', 'tell_tables', 'held_tables', 'receive_tables',
                        'read_next', 'want_again', 'await_answers', 'take_reading', 'receive_answer', 'verify', 'verify_report', 'paused',
                        'verify_in_background', 'queues_to_delete', 'queue_deleted')
$$;

CREATE FUNCTION officesync.grant_relay(role regrole) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    function regprocedure;
BEGIN
    PERFORM officesync.require_administrator();
    FOR function IN SELECT * FROM officesync.relay_functions() LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', function, role);
    END LOOP;
    PERFORM officesync.grant_monitor(role);
END
$$;
