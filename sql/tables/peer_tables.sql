-- The tables each peer tracks, as it has told us: what check() compares with our own. Written by
-- receive_tables(); never used to apply anything.
CREATE TABLE officesync.peer_tables (
    office     text  NOT NULL REFERENCES officesync.peer (name) ON DELETE CASCADE,
    schema     text  NOT NULL,
    name       text  NOT NULL,
    -- As table_definitions() writes one.
    definition jsonb NOT NULL,
    PRIMARY KEY (office, schema, name)
);

-- Which state of a peer's tables that is. A peer without a row has not told us yet.
CREATE TABLE officesync.held_tables (
    office      text        PRIMARY KEY REFERENCES officesync.peer (name) ON DELETE CASCADE,
    digest      text        NOT NULL,
    -- At the head: the functions that a branch has, as "schema.name"; null where it has not told them.
    functions   text[],
    received_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
