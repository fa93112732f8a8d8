-- What an operator has paused here: nothing is sent, or nothing is fetched, until resume().
CREATE TABLE officesync.paused (
    direction text        PRIMARY KEY CHECK (direction IN ('send', 'receive')),
    paused_by text        NOT NULL,
    paused_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
