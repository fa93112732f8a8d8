-- The loading of branches' tables from the head, for a branch that joins with an empty database: at the head a
-- row for each branch that has asked for it, at a branch the row of its own. The library knows the place of state (apply/lane.rs).
CREATE TABLE officesync.load (
    office          text        PRIMARY KEY,
    -- asked; rows (the tables are made, their rows are coming); after rows (indexes and constraints are made);
    -- done. The head's part ends when all rows are there.
    state           text        NOT NULL DEFAULT 'asked' CHECK (state IN ('asked', 'rows', 'after rows', 'done')),
    asked_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at      timestamptz,
    finished_at     timestamptz,
    -- Of the head's tables, when it began.
    estimated_rows  bigint      NOT NULL DEFAULT 0,
    estimated_bytes bigint      NOT NULL DEFAULT 0,
    -- What the branch has taken. bytes: of the rows as the wire format writes them, not compressed.
    chunks          bigint      NOT NULL DEFAULT 0,
    chunks_again    bigint      NOT NULL DEFAULT 0,
    rows            bigint      NOT NULL DEFAULT 0,
    bytes           bigint      NOT NULL DEFAULT 0,
    -- Why it does not go on; it is tried again.
    error           text
) WITH (fillfactor = 50);

-- The tables that are loaded, in that order.
CREATE TABLE officesync.load_table (
    office         text    NOT NULL REFERENCES officesync.load (office) ON DELETE CASCADE,
    nth            integer NOT NULL,
    schema_name    text    NOT NULL,
    table_name     text    NOT NULL,
    direction      text    NOT NULL,
    branch_column  name,
    branch_path    text,
    -- Whether rows have been taken: before that, changes that arrive need not be written.
    begun          boolean NOT NULL DEFAULT false,
    estimated_rows bigint  NOT NULL,
    rows           bigint  NOT NULL DEFAULT 0,
    bytes          bigint  NOT NULL DEFAULT 0,
    PRIMARY KEY (office, nth)
) WITH (fillfactor = 50);

-- At a branch: the statements that follow the rows.
CREATE TABLE officesync.load_statement (
    office    text        NOT NULL REFERENCES officesync.load (office) ON DELETE CASCADE,
    nth       integer     NOT NULL,
    kind      text        NOT NULL,
    schema    text        NOT NULL,
    name      text        NOT NULL,
    part      text        NOT NULL,
    statement text        NOT NULL,
    done_at   timestamptz,
    PRIMARY KEY (office, nth)
);

-- At a branch: the chunks it has taken, so that one that comes again is known.
CREATE TABLE officesync.load_taken (
    number   bigint      PRIMARY KEY,
    tick     bigint      NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- At the head: readings that wait: for room in the window, or, after a failure, for the branch to ask again.
CREATE TABLE officesync.load_waiting (
    id      bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    office  text    NOT NULL REFERENCES officesync.load (office) ON DELETE CASCADE,
    kind    text    NOT NULL,
    request jsonb   NOT NULL,
    failed  boolean NOT NULL
);
