-- The offices this one exchanges ticks with: the head knows its branches, a branch its head.
CREATE TABLE officesync.peer (
    name              text        PRIMARY KEY,
    role              text        NOT NULL CHECK (role IN ('head', 'branch')),
    incarnation       text        NOT NULL,
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
    ticks             bigint      NOT NULL DEFAULT 0,
    rows              bigint      NOT NULL DEFAULT 0,
    bytes             bigint      NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
