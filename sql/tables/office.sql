-- Which office this database is: at most one row, written by set_office().
CREATE TABLE officesync.office (
    only_row    boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    name        text        NOT NULL,
    role        text        NOT NULL CHECK (role IN ('head', 'branch')),
    -- Tells this database from any other that ever bore the name.
    incarnation text        NOT NULL,
    -- For ids that can't collide: 0 at the head, 1 to 1023 at branches, given by the head when they join.
    number      integer     CHECK (number BETWEEN 0 AND 1023),
    set_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
