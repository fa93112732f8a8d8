-- The offices this one exchanges ticks with: the head knows its branches, a branch its head. The library knows the places
-- of role and acknowledged_tick (merge/pending.rs).
CREATE TABLE officesync.peer (
    name              text        PRIMARY KEY,
    -- head or branch. No CHECK: it would be read and run for each tick that is applied.
    role              text        NOT NULL,
    incarnation       text        NOT NULL,
    -- At the head: the branch's number, never given to another.
    number            integer,
    -- Whom the broker must name as the sender.
    broker_user       text,
    -- The last tick of its log that is applied here.
    applied_tick      bigint      NOT NULL,
    -- The last tick of our log that is applied there.
    acknowledged_tick bigint      NOT NULL,
    first_seen_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    applied_at        timestamptz,
    -- From the last applied tick's creation to its application.
    delay_ms          bigint,
    -- How far its clock was ahead of ours when its last tick arrived, at the least.
    clock_ahead_ms    bigint      NOT NULL DEFAULT 0,
    ticks             bigint      NOT NULL DEFAULT 0,
    rows              bigint      NOT NULL DEFAULT 0,
    bytes             bigint      NOT NULL DEFAULT 0,
    -- At the head: when all its tables were last compared with ours, and how many rows differed.
    verified_at       timestamptz,
    differences       bigint,
    -- At the head: since when nothing is kept for a silent branch any more; whether its queue is gone too.
    left_behind_at    timestamptz,
    queue_gone        boolean     NOT NULL DEFAULT false,
    -- The tick of the head's log at which it went on when it was back; at a branch its own.
    rejoin_tick       bigint,
    -- At the head: the last of its ticks that had been applied here then.
    rejoin_received   bigint
) WITH (fillfactor = 50);

CREATE SEQUENCE officesync.office_number AS integer MINVALUE 1 MAXVALUE 1023;
