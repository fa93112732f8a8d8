-- The tables whose changes travel. Written by track() and untrack().
CREATE TABLE officesync.tracked (
    relation   regclass    PRIMARY KEY,
    direction  text        NOT NULL CHECK (direction IN ('both', 'down', 'up')),
    tracked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    tracked_by text        NOT NULL
);
