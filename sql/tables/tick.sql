-- Batch boundaries. Batch n holds the outbox rows that snapshot n sees and snapshot n-1 does not.
-- Tick 0 is the boundary before the first batch; after pruning, the oldest row plays that part.
CREATE TABLE officesync.tick (
    number         bigint      PRIMARY KEY,
    previous       bigint      NOT NULL,
    snapshot       pg_snapshot NOT NULL,
    first_sequence bigint      NOT NULL,
    last_sequence  bigint      NOT NULL,
    transactions   bigint      NOT NULL,
    changes        bigint      NOT NULL,
    bytes          bigint      NOT NULL,
    -- How large a part of this batch may be; fixed here, so that a batch is cut alike every time.
    part_bytes     integer     NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- The offices that have rows of their own in it; NULL: all of it is for all.
    targets        text[]
);

-- The order of a batch of many transactions: their ids by sequence, so many a page. A small batch is put in
-- order whenever it is read.
CREATE TABLE officesync.tick_page (
    tick          bigint NOT NULL,
    last_sequence bigint NOT NULL,
    xids          xid8[] NOT NULL,
    PRIMARY KEY (tick, last_sequence)
);

-- The last tick that the broker has confirmed: one row.
CREATE TABLE officesync.publisher (
    only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    sent_tick bigint  NOT NULL
) WITH (fillfactor = 50);
