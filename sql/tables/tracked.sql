-- The tables whose changes travel. Written by track() and untrack().
CREATE TABLE officesync.tracked (
    relation   regclass    PRIMARY KEY,
    direction  text        NOT NULL CHECK (direction IN ('both', 'down', 'up')),
    tracked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    tracked_by text        NOT NULL,
    -- Where a branch gets its own rows only: the column that names the branch, or the way to the row that does.
    branch_column name,
    branch_path   text,
    CHECK (branch_column IS NULL OR branch_path IS NULL)
);
