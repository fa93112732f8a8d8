-- At the head: what is to be read of its tables, each for one branch, and sent to it in its place in the log.
-- A row stays until the branch has answered; whatever is lost on the way is read again, at a later tick.
-- Of each kind there are functions: read_<kind>(number, branch, request) at the head gives the body,
-- take_<kind>(number, tick, body) at the branch takes it and gives the answer, and at the head again
-- answered_<kind>(number, branch, request, answer) or failed_<kind>(number, branch, request, problem) ends it.
CREATE TABLE officesync.reading (
    number        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- No foreign key: its check would have to lock the branch's row of peer, which moves all the time, in a
    -- transaction with REPEATABLE READ.
    branch        text        NOT NULL,
    kind          text        NOT NULL CHECK (kind ~ '^[a-z_]{1,40}$'),
    request       jsonb       NOT NULL,
    not_before    timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- The tick it was read at last; NULL while it waits to be read.
    sent_tick     bigint,
    -- Since then, or since the branch's last sign of progress, the answer is awaited.
    waiting_since timestamptz,
    reads         integer     NOT NULL DEFAULT 0
);
CREATE INDEX reading_branch ON officesync.reading (branch);
