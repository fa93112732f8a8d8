-- What was captured and is not yet acknowledged by every office it is for. One row per transaction,
-- several for a big one. Written by the library without SQL: the column order is part of that code
-- (extension/src/outbox.rs).
CREATE TABLE officesync.outbox (
    xid        xid8    NOT NULL,
    chunk      integer NOT NULL,
    -- Taken at PRE_COMMIT, and only by a transaction's last chunk: a transaction that depends on
    -- another's commit always has the larger number.
    sequence   bigint,
    changes    integer NOT NULL,
    -- Whether body is a zstd frame; else it is the line itself.
    compressed boolean NOT NULL,
    body       bytea   NOT NULL
);
-- Compressed already where it pays.
ALTER TABLE officesync.outbox ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX outbox_xid ON officesync.outbox (xid, chunk);
CREATE INDEX outbox_sequence_order ON officesync.outbox (sequence);

-- CACHE 1 is a must: with a larger cache a later transaction could take a smaller number.
CREATE SEQUENCE officesync.outbox_sequence AS bigint CACHE 1;
