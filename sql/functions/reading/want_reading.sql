-- want_reading(branch, kind, request, rest): has something read for that branch, not before the rest is over;
-- returns its number. Called by: what needs a reading, at the head. Touches: reading.
CREATE FUNCTION officesync.want_reading(
    branch text, kind text, request jsonb, rest interval DEFAULT '0') RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO officesync.reading (branch, kind, request, not_before)
    VALUES (want_reading.branch, want_reading.kind, want_reading.request, clock_timestamp() + want_reading.rest)
    RETURNING number
$$;

-- want_again(numbers): these did not reach the branch; they are read anew, after a pause that grows.
-- Called by: the head's relay. Touches: reading.
CREATE FUNCTION officesync.want_again(numbers bigint[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE officesync.reading r
    SET sent_tick = NULL, waiting_since = NULL,
        not_before = clock_timestamp() + least(power(2, r.reads), 256) * interval '50 milliseconds'
    WHERE r.number = ANY (want_again.numbers)
$$;

-- await_answers(): a relay begins to lead: what branches have answered while there was none is on its way, so
-- nothing counts as lost yet. Called by: the head's relay. Touches: reading.
CREATE FUNCTION officesync.await_answers() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ UPDATE officesync.reading r SET waiting_since = clock_timestamp() WHERE r.sent_tick IS NOT NULL $$;
