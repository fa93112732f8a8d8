-- What an operator has paused here, until resume(): nothing is sent, or nothing is fetched.
CREATE TABLE officesync.paused (
    -- At the head: the only branch to which nothing is sent (what comes from a branch is its lane: officesync.halted);
    -- '': all of this office's link.
    office    text        NOT NULL DEFAULT '',
    direction text        NOT NULL CHECK (direction IN ('send', 'receive')),
    paused_by text        NOT NULL,
    paused_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Of a branch: it has been sent every tick up to this one.
    sent_tick bigint,
    PRIMARY KEY (office, direction),
    CHECK (office = '' OR direction = 'send')
);
