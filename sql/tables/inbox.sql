-- Parts that have arrived and wait: for the rest of their tick, or for a halted lane.
CREATE TABLE officesync.inbox (
    origin      text        NOT NULL REFERENCES officesync.peer (name) ON DELETE CASCADE,
    tick        bigint      NOT NULL,
    part        integer     NOT NULL,
    last        boolean     NOT NULL,
    created_at  timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    encoding    text        NOT NULL,
    -- Whether the body goes on in the next part: a row larger than a part comes in pieces.
    continued   boolean     NOT NULL,
    body        bytea       NOT NULL,
    PRIMARY KEY (origin, tick, part)
);
ALTER TABLE officesync.inbox ALTER COLUMN body SET STORAGE EXTERNAL;

-- Lanes that wait for an operator: what they wait with can't be applied. The library knows the first column (apply/lane.rs).
CREATE TABLE officesync.halted (
    origin    text        PRIMARY KEY REFERENCES officesync.peer (name) ON DELETE CASCADE,
    tick      bigint      NOT NULL,
    sqlstate  text        NOT NULL,
    reason    text        NOT NULL,
    halted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Messages that were not applied and won't be: refused ones, and ticks an operator skipped.
CREATE TABLE officesync.quarantine (
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    quarantined_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    origin         text,
    incarnation    text,
    tick           bigint,
    part           integer,
    broker_user    text,
    encoding       text,
    continued      boolean     NOT NULL DEFAULT false,
    body           bytea,
    reason         text        NOT NULL
);
