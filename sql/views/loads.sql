-- Branches whose tables are, or were, loaded from the head: at the head all of them, at a branch its own.
-- rate: rows a second so far. left_seconds: until all rows are there, if it goes on so; NULL: not known.
-- steps_left: indexes and constraints that are still to be made, at a branch.
CREATE VIEW officesync.loads AS
SELECT l.office, l.state, l.rows, l.estimated_rows, l.bytes, l.chunks, l.chunks_again,
       pg_catalog.round(l.rows / passed.seconds)::bigint AS rate,
       CASE WHEN l.state = 'rows' AND l.rows > 0
            THEN pg_catalog.ceil(greatest(l.estimated_rows - l.rows, 0) * passed.seconds / l.rows)::bigint
            WHEN l.state IN ('after rows', 'done') THEN 0 END AS left_seconds,
       (SELECT pg_catalog.count(*) FROM officesync.load_statement s
        WHERE s.office = l.office AND s.done_at IS NULL)::integer AS steps_left,
       l.asked_at, l.started_at, l.finished_at, l.error
FROM officesync.load l
CROSS JOIN LATERAL (
    SELECT greatest(extract(epoch FROM coalesce(l.finished_at, pg_catalog.clock_timestamp()) - l.started_at), 0.001) AS seconds) passed;

-- load_progress(): the row of officesync.loads of this branch, as far as a relay shows it. Called by: the relay's
-- command join. Touches nothing.
CREATE FUNCTION officesync.load_progress()
RETURNS TABLE (state text, rows bigint, estimated_rows bigint, bytes bigint, estimated_bytes bigint, rate bigint,
               left_seconds bigint, steps_left integer, error text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT v.state, v.rows, v.estimated_rows, v.bytes, l.estimated_bytes, v.rate, v.left_seconds, v.steps_left, v.error
    FROM officesync.loads v
    JOIN officesync.load l ON l.office = v.office
    JOIN officesync.office o ON o.name = v.office AND o.role = 'branch'
$$;
