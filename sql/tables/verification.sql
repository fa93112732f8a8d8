-- At the head: comparisons of a branch with the head, each of the tables one after another.
CREATE TABLE officesync.verification (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    office       text        NOT NULL REFERENCES officesync.peer (name) ON DELETE CASCADE,
    -- What is done with a row that differs: nothing; sent again from the head; or, where an office joins with
    -- its own rows, taken from the branch where the head has none.
    mode         text        NOT NULL CHECK (mode IN ('report', 'repair', 'adopt')),
    -- Whether it compares everything the two offices share.
    whole        boolean     NOT NULL,
    -- The pause before each reading.
    rest         interval    NOT NULL,
    requested_by text        NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at  timestamptz
);

CREATE TABLE officesync.verified_table (
    verification bigint      NOT NULL REFERENCES officesync.verification (id) ON DELETE CASCADE,
    schema_name  text        NOT NULL,
    table_name   text        NOT NULL,
    -- The tables that it refers to come before it.
    place        integer     NOT NULL DEFAULT 0,
    -- What is compared; NULL until it begins. An empty key: rows are told apart by nothing.
    columns      text[],
    key          text[],
    -- Whether keys are taken byte by byte, because the two offices' collations differ.
    plain_order  boolean     NOT NULL DEFAULT false,
    -- The head's rows compared so far.
    rows         bigint      NOT NULL DEFAULT 0,
    tries        integer     NOT NULL DEFAULT 0,
    finished_at  timestamptz,
    -- Why it was not compared, or not in full.
    problem      text,
    PRIMARY KEY (verification, schema_name, table_name)
);

-- Rows that differed, as they were then; what the branch had is kept when it is repaired.
CREATE TABLE officesync.difference (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    verification bigint      NOT NULL REFERENCES officesync.verification (id) ON DELETE CASCADE,
    office       text        NOT NULL,
    schema_name  text        NOT NULL,
    table_name   text        NOT NULL,
    -- Objects of texts; key is NULL where rows have none.
    key          jsonb,
    kind         text        NOT NULL CHECK (kind IN ('missing', 'extra', 'differs')),
    -- The row at the head when it was sent again, and the row at the branch; NULL: no row.
    here         jsonb,
    there        jsonb,
    found_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    repaired_at  timestamptz
);
CREATE INDEX difference_verification ON officesync.difference (verification);
