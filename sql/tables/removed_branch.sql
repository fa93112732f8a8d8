-- At the head: branches that were removed. Their queues are deleted by the relay; in this life of its database
-- such an office is not let in again by itself.
CREATE TABLE officesync.removed_branch (
    name          text        NOT NULL,
    incarnation   text        NOT NULL,
    removed_by    text        NOT NULL,
    removed_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- NULL until the queue is gone.
    queue_gone_at timestamptz,
    PRIMARY KEY (name, incarnation)
);
