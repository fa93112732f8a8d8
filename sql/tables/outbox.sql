-- What was captured and is not yet acknowledged by every office it is for. One row per transaction,
-- several for a big one. Written by the library without SQL: the column order is part of that code
-- (extension/src/outbox.rs).
-- Three tables take turns: one is written to, and one whose rows have all been acknowledged is truncated.
-- So the outbox stays small without vacuum, also while a long snapshot keeps dead rows alive.
CREATE TABLE officesync.outbox (
    xid        xid8     NOT NULL,
    chunk      integer  NOT NULL,
    -- Taken at PRE_COMMIT, and only by a transaction's last chunk: a transaction that depends on
    -- another's commit always has the larger number.
    sequence   bigint,
    changes    integer  NOT NULL,
    -- Whether body is a zstd frame; else it is the line itself.
    compressed boolean  NOT NULL,
    turn       smallint NOT NULL,
    body       bytea    NOT NULL,
    -- The only branch it is for; NULL: all. A transaction's last chunk is for all, unless the whole transaction is
    -- for one.
    target     text
) PARTITION BY LIST (turn);
-- Compressed already where it pays.
ALTER TABLE officesync.outbox ALTER COLUMN body SET STORAGE EXTERNAL;
-- The only index: every committing transaction pays for each. The order of a batch is made with its tick.
-- No two entries are alike, so there is nothing to deduplicate.
CREATE INDEX outbox_xid ON officesync.outbox (xid, chunk) WITH (deduplicate_items = off);
CREATE TABLE officesync.outbox_0 PARTITION OF officesync.outbox FOR VALUES IN (0)
    WITH (autovacuum_enabled = false, toast.autovacuum_enabled = false);
CREATE TABLE officesync.outbox_1 PARTITION OF officesync.outbox FOR VALUES IN (1)
    WITH (autovacuum_enabled = false, toast.autovacuum_enabled = false);
CREATE TABLE officesync.outbox_2 PARTITION OF officesync.outbox FOR VALUES IN (2)
    WITH (autovacuum_enabled = false, toast.autovacuum_enabled = false);

-- CACHE 1 is a must: with a larger cache a later transaction could take a smaller number.
CREATE SEQUENCE officesync.outbox_sequence AS bigint CACHE 1;

-- Whose turn it is. A sequence, because every session must see the change at once; a transaction that
-- looked before and writes after does no harm. Read by whoever writes tracked tables.
CREATE SEQUENCE officesync.outbox_turn AS smallint MINVALUE 0 MAXVALUE 2 START 0;
SELECT pg_catalog.setval('officesync.outbox_turn', 0);
GRANT SELECT ON SEQUENCE officesync.outbox_turn TO PUBLIC;
