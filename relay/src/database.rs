//! Every SQL statement of the relay, as constants, and one typed function for each.
//!
//! Invariant: one call is one statement is one transaction; what an `Err` reports did not happen, or
//! (connection lost during COMMIT) can be asked again without harm.

use std::collections::BTreeMap;
use std::sync::Arc;

use deadpool_postgres::{ClientWrapper, Manager, ManagerConfig, Pool, RecyclingMethod};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use crate::config::Config;
use crate::error::{Error, Result};
use crate::message::Load;

const RELAY_START: &str =
    "SELECT office, role, incarnation, extension_version FROM officesync.relay_start($1)";
const LISTEN: &str = "LISTEN officesync; LISTEN officesync_lane; LISTEN officesync_reading; \
     LISTEN officesync_pause";
const TRY_LEAD: &str = "SELECT officesync.try_lead()";
const TICK: &str = "SELECT officesync.tick($1)";
const DOZE: &str = "SELECT officesync.doze()";
const WAKE: &str = "SELECT officesync.wake()";
const OUTBOX_POSITION: &str =
    "SELECT coalesce(last_tick, 0), coalesce(sent_tick, 0) FROM officesync.outbox_position()";
const TICKS_AFTER: &str = "SELECT tick, previous, (extract(epoch FROM created_at) * 1000000)::bigint, \
     targeted FROM officesync.ticks_after($1, $2)";
const RECIPIENTS: &str = "SELECT branches, target FROM officesync.recipients($1, $2)";
const DRAIN: &str = "SELECT sequence, chunk, last, encoding, changes, body, continue_at \
     FROM officesync.drain($1, $2, $3, $4, $5)";
const NEXT_PART: &str = "SELECT d.sequence, d.chunk, d.last, d.encoding, d.changes, d.body, d.continue_at, \
     t.tick, t.previous, (extract(epoch FROM t.created_at) * 1000000)::bigint, t.targeted \
     FROM officesync.ticks_after($1, 1) t, LATERAL officesync.drain(t.tick, 0, -1, 0, '') d";
const SETTLE: &str = "SELECT officesync.settle($1)";
const APPLY: &str = "SELECT outcome, position, changes, detail, seen \
     FROM officesync.apply($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
const APPLY_STAGED: &str =
    "SELECT outcome, position, changes, detail, seen FROM officesync.apply_staged($1)";
const FLUSH: &str = "SELECT officesync.flush()";
const STAGED_LANES: &str = "SELECT officesync.staged_lanes()";
const HALT_LANE: &str = "SELECT officesync.halt_lane($1, $2, $3, $4)";
const RECEIVE_HELLO: &str = "SELECT start, received, received_incarnation, resend_from, number, coalesce(rejoins, false) \
     FROM officesync.receive_hello($1, $2, $3, $4, $5, $6, $7)";
const RECEIVE_WELCOME: &str =
    "SELECT resend_from, ask_from FROM officesync.receive_welcome($1, $2, $3, $4, $5, $6, $7, $8)";
const REQUIRE_SENDER: &str = "SELECT officesync.require_sender($1, $2, $3)";
const RECEIVE_POSITION: &str = "SELECT officesync.receive_position($1, $2, $3, $4, $5)";
const INBOX_POSITION: &str = "SELECT origin, incarnation, coalesce(position, 0), coalesce(seen, 0) FROM officesync.inbox_position()";
const PRUNE: &str = "SELECT officesync.prune()";
const CHECK: &str = "SELECT severity, object, problem, remedy FROM officesync.check() LIMIT $1";
const TELL_TABLES: &str =
    "SELECT digest, definitions, functions FROM officesync.tell_tables($1, $2, $3, $4)";
const HELD_TABLES: &str = "SELECT officesync.held_tables($1)";
const STATUS: &str = "SELECT officesync.status()::text";
const PEEK: &str =
    "SELECT tick, sequence, chunk, changes, compressed, body FROM officesync.peek($1, $2)";
const NAME_SESSION: &str = "SELECT set_config('application_name', $1, false)";
const RECEIVE_TABLES: &str = "SELECT officesync.receive_tables($1, $2, $3, $4, $5, $6)";
const JOIN: &str = "SELECT officesync.join()";
const LOAD_ANSWERS: &str = "SELECT number, tick FROM officesync.load_answers()";
const LOAD_STATE: &str = "SELECT officesync.load_state()";
const LOAD_STEP: &str = "SELECT officesync.load_step()";
const LOAD_PROGRESS: &str = "SELECT state, rows, estimated_rows, bytes, estimated_bytes, rate, left_seconds, \
     steps_left, error FROM officesync.load_progress()";
const BEGIN_READING: &str =
    "BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL statement_timeout = '10s'";
const READ_NEXT: &str =
    "SELECT open, number, branch, kind, tick, body FROM officesync.read_next($1)";
const WANT_AGAIN: &str = "SELECT officesync.want_again($1)";
const AWAIT_ANSWERS: &str = "SELECT officesync.await_answers()";
const TAKE_READING: &str =
    "SELECT outcome, answer::text FROM officesync.take_reading($1, $2, $3, $4, $5, $6, $7, $8)";
const RECEIVE_ANSWER: &str =
    "SELECT officesync.receive_answer($1, $2, $3, $4, $5, $6, $7::text::jsonb)";
const PAUSED: &str =
    "SELECT send, receive, second_of_day, branches, sent_ticks FROM officesync.paused()";
const TRAFFIC: &str = "SELECT p.sent_tick, officesync.has_unsent() OR p.last_tick > p.sent_tick, \
     coalesce(sum(o.ticks), 0)::bigint, coalesce(sum(o.rows), 0)::bigint, coalesce(sum(o.bytes), 0)::bigint, \
     (SELECT coalesce(sum(l.waiting_ticks), 0)::bigint FROM officesync.lanes l WHERE l.state = 'open') \
     FROM officesync.outbox_position() p LEFT JOIN officesync.offices o ON true GROUP BY 1, 2";
const VERIFY_IN_BACKGROUND: &str =
    "SELECT officesync.verify_in_background($1 * interval '1 second')";
const QUEUES_TO_DELETE: &str = "SELECT officesync.queues_to_delete()";
const QUEUE_DELETED: &str = "SELECT officesync.queue_deleted($1)";
const VERIFY: &str = "SELECT array_agg(v) FROM officesync.verify($1, $2, $3) v";
const VERIFY_REPORT: &str = "SELECT officesync.verify_report($1)::text";

/// The functions the relay calls, for `check`.
pub(crate) const FUNCTIONS: &[&str] = &[
    "officesync.relay_start(text)",
    "officesync.try_lead()",
    "officesync.tick(bigint)",
    "officesync.doze()",
    "officesync.wake()",
    "officesync.outbox_position()",
    "officesync.ticks_after(bigint,integer)",
    "officesync.drain(bigint,bigint,integer,integer,text)",
    "officesync.recipients(bigint)",
    "officesync.settle(bigint)",
    "officesync.apply(text,text,bigint,bigint,integer,boolean,bigint,bigint,text,text,text,bytea,boolean)",
    "officesync.apply_staged(text)",
    "officesync.flush()",
    "officesync.staged_lanes()",
    "officesync.halt_lane(text,bigint,text,text)",
    "officesync.receive_hello(text,text,text,bigint,text,text,text)",
    "officesync.receive_welcome(text,text,bigint,bigint,text,text,integer,boolean)",
    "officesync.receive_position(text,text,text,bigint,text)",
    "officesync.require_sender(text,text,text)",
    "officesync.inbox_position()",
    "officesync.prune()",
    "officesync.check(text)",
    "officesync.tell_tables(text,text,text,text)",
    "officesync.held_tables(text)",
    "officesync.receive_tables(text,text,text,text,text,text[])",
    "officesync.status()",
    "officesync.peek(integer,boolean)",
    "officesync.join()",
    "officesync.load_answers()",
    "officesync.load_state()",
    "officesync.load_step()",
    "officesync.load_progress()",
    "officesync.read_next(text[])",
    "officesync.want_again(bigint[])",
    "officesync.await_answers()",
    "officesync.take_reading(text,text,bigint,text,bigint,text,text,bytea)",
    "officesync.receive_answer(text,text,text,bigint,bigint,text,jsonb)",
    "officesync.verify(text,text,text,interval)",
    "officesync.verify_report(bigint[])",
    "officesync.paused()",
    "officesync.verify_in_background(interval,interval)",
    "officesync.queues_to_delete()",
    "officesync.queue_deleted(text)",
];
const EXECUTABLE: &str = "SELECT to_regprocedure($1) IS NOT NULL, \
     coalesce(has_function_privilege(to_regprocedure($1), 'EXECUTE'), false)";

/// A connection with its cache of prepared statements.
pub(crate) type Client = ClientWrapper;

/// This office, as its database names it.
#[derive(Debug, Clone)]
pub(crate) struct Office {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) incarnation: String,
    pub(crate) extension_version: String,
}

/// What an office is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Head,
    Branch,
}

/// A tick, before its parts are drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tick {
    pub(crate) number: i64,
    pub(crate) previous: i64,
    pub(crate) created_us: i64,
    /// Whether some of it is for single branches.
    pub(crate) targeted: bool,
}

/// Those who get one share of a tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Share {
    /// The branches, at least one.
    pub(crate) branches: Vec<String>,
    /// Whose rows are in it besides those for all; empty: nobody's.
    pub(crate) target: String,
}

/// Where in a tick a part begins: behind a chunk of a transaction, at a byte of the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) sequence: i64,
    pub(crate) chunk: i32,
    pub(crate) byte: i32,
}

/// One drained part of a tick.
#[derive(Debug)]
pub(crate) struct Drained {
    /// Where the next part begins.
    pub(crate) next: Cursor,
    pub(crate) last: bool,
    pub(crate) encoding: String,
    pub(crate) changes: i32,
    pub(crate) body: Vec<u8>,
}

/// The arguments of `apply`.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) origin: String,
    pub(crate) incarnation: String,
    pub(crate) tick: i64,
    pub(crate) previous: i64,
    pub(crate) number: i32,
    pub(crate) last: bool,
    pub(crate) created_us: i64,
    pub(crate) peer_position: Option<i64>,
    pub(crate) position_incarnation: Option<String>,
    pub(crate) broker_user: Option<String>,
    pub(crate) encoding: String,
    pub(crate) continued: bool,
    pub(crate) body: Vec<u8>,
}

/// What `apply` and `apply_staged` answer.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) outcome: String,
    pub(crate) position: Option<i64>,
    pub(crate) changes: i64,
    pub(crate) detail: Option<String>,
    /// What the origin may be told: behind the position while rows were left out.
    pub(crate) seen: Option<i64>,
}

/// What `receive_hello` answers.
#[derive(Debug)]
pub(crate) struct Greeting {
    pub(crate) start: i64,
    pub(crate) received: i64,
    pub(crate) received_incarnation: Option<String>,
    pub(crate) resend_from: Option<i64>,
    /// The branch's number among the offices.
    pub(crate) number: Option<i32>,
    /// The branch was away too long, and goes on at `start`.
    pub(crate) rejoins: bool,
}

/// What `receive_welcome` answers.
#[derive(Debug)]
pub(crate) struct Welcomed {
    /// The first of our ticks that the head lacks.
    pub(crate) resend_from: Option<i64>,
    /// The first of the head's ticks that we lack.
    pub(crate) ask_from: Option<i64>,
}

/// How far one origin has been applied here.
#[derive(Debug, Clone)]
pub(crate) struct InboxPosition {
    pub(crate) origin: String,
    pub(crate) incarnation: String,
    pub(crate) position: i64,
    /// What the origin may be told: behind the position while rows were left out.
    pub(crate) seen: i64,
}

/// One row of `officesync.check()`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) severity: String,
    pub(crate) object: Option<String>,
    pub(crate) problem: String,
    pub(crate) remedy: Option<String>,
}

/// Something of the head's tables as they stood at one tick, for one branch.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) number: i64,
    pub(crate) branch: String,
    pub(crate) kind: String,
    pub(crate) tick: i64,
    /// One zstd frame.
    pub(crate) body: Vec<u8>,
}

/// What `read_next` answers.
#[derive(Debug)]
pub(crate) struct Read {
    /// Whether anything is still wanted or awaited.
    pub(crate) open: bool,
    pub(crate) reading: Option<Reading>,
}

/// The arguments of `take_reading`.
#[derive(Debug, Clone)]
pub(crate) struct ReadingMessage {
    pub(crate) sender: Sender,
    pub(crate) tick: i64,
    pub(crate) kind: String,
    pub(crate) number: i64,
    pub(crate) encoding: String,
    pub(crate) body: Vec<u8>,
}

/// What `take_reading` answers.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) outcome: String,
    /// JSON.
    pub(crate) answer: Option<String>,
}

/// What is paused here, and the time of day.
#[derive(Debug, Clone)]
pub(crate) struct Paused {
    pub(crate) send: bool,
    pub(crate) receive: bool,
    /// By the TimeZone of the database.
    pub(crate) second_of_day: u32,
    /// The branches that alone are sent nothing, each with the last tick that it has been sent for certain.
    pub(crate) branches: BTreeMap<String, i64>,
}

/// How much has been carried since this office joined, and whether something waits here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) sent_tick: i64,
    pub(crate) is_unsent: bool,
    pub(crate) ticks: i64,
    pub(crate) rows: i64,
    pub(crate) bytes: i64,
    pub(crate) waiting_ticks: i64,
}

/// What `tell_tables` answers.
#[derive(Debug)]
pub(crate) struct Told {
    /// What the present state of our definitions goes by.
    pub(crate) digest: String,
    /// The definitions, unless the asker knows this state.
    pub(crate) definitions: Option<Arc<str>>,
    /// At a branch, with the definitions: the functions it has, as `schema.name`.
    pub(crate) functions: Option<Vec<String>>,
}

/// The pool the applying lanes and the settling of ticks share.
pub(crate) fn pool(config: &Config) -> Result<Pool> {
    let manager = Manager::from_config(
        config.database.parameters()?,
        crate::tls::for_database(&config.database.tls)?,
        ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        },
    );
    // One for each lane at work, one to flush with, one to settle and drain with, one for control messages,
    // one to check with, one for /metrics.
    Pool::builder(manager)
        .max_size(config.apply_concurrency + 5)
        .build()
        .map_err(|error| Error::Pool(error.to_string()))
}

type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

async fn prepared(client: &Client, sql: &str) -> Result<Statement> {
    Ok(client.prepare_cached(sql).await?)
}

async fn one(client: &Client, sql: &str, parameters: Parameters<'_>) -> Result<Row> {
    let statement = prepared(client, sql).await?;
    Ok(client.query_one(&statement, parameters).await?)
}

async fn many(client: &Client, sql: &str, parameters: Parameters<'_>) -> Result<Vec<Row>> {
    let statement = prepared(client, sql).await?;
    Ok(client.query(&statement, parameters).await?)
}

pub(crate) async fn relay_start(client: &Client) -> Result<Office> {
    let row = one(client, RELAY_START, &[&env!("CARGO_PKG_VERSION")]).await?;
    let role: String = row.try_get(1)?;
    Ok(Office {
        name: row.try_get(0)?,
        role: match role.as_str() {
            "head" => Role::Head,
            "branch" => Role::Branch,
            other => {
                return Err(Error::Unfit(format!(
                    "unknown role {other:?} of this office"
                )));
            }
        },
        incarnation: row.try_get(2)?,
        extension_version: row.try_get(3)?,
    })
}

pub(crate) async fn listen(client: &Client) -> Result<()> {
    Ok(client.batch_execute(LISTEN).await?)
}

pub(crate) async fn try_lead(client: &Client) -> Result<bool> {
    Ok(one(client, TRY_LEAD, &[]).await?.try_get(0)?)
}

pub(crate) async fn tick(client: &Client, known: i64) -> Result<Option<i64>> {
    Ok(one(client, TICK, &[&known]).await?.try_get(0)?)
}

pub(crate) async fn doze(client: &Client) -> Result<bool> {
    Ok(one(client, DOZE, &[]).await?.try_get(0)?)
}

pub(crate) async fn wake(client: &Client) -> Result<()> {
    one(client, WAKE, &[]).await.map(drop)
}

/// The last tick made, and the last one settled as sent.
pub(crate) async fn outbox_position(client: &Client) -> Result<(i64, i64)> {
    let row = one(client, OUTBOX_POSITION, &[]).await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}

pub(crate) async fn ticks_after(client: &Client, after: i64, max: i32) -> Result<Vec<Tick>> {
    many(client, TICKS_AFTER, &[&after, &max])
        .await?
        .iter()
        .map(|row| read_tick(row, 0))
        .collect()
}

fn read_tick(row: &Row, first: usize) -> Result<Tick> {
    Ok(Tick {
        number: row.try_get(first)?,
        previous: row.try_get(first + 1)?,
        created_us: row.try_get(first + 2)?,
        targeted: row.try_get(first + 3)?,
    })
}

/// The next tick and its first part, if there is one: in one statement, so that it can be sent together
/// with the one that makes the tick.
pub(crate) async fn next_part(client: &Client, after: i64) -> Result<Option<(Tick, Drained)>> {
    let rows = many(client, NEXT_PART, &[&after]).await?;
    let row = rows.first();
    row.map(|row| Ok((read_tick(row, 7)?, read_part(row)?)))
        .transpose()
}

/// Who gets which share of a tick that is not for all alike; those in `held` get none.
pub(crate) async fn recipients(client: &Client, tick: i64, held: &[String]) -> Result<Vec<Share>> {
    let rows = many(client, RECIPIENTS, &[&tick, &held]).await?;
    let share = |row: &Row| {
        Ok(Share {
            branches: row.try_get(0)?,
            target: row.try_get(1)?,
        })
    };
    rows.iter().map(share).collect()
}

/// The part behind a cursor of what `target` gets of a tick; of what all get where it is empty.
pub(crate) async fn drain(
    client: &Client,
    tick: i64,
    after: Cursor,
    target: &str,
) -> Result<Drained> {
    let (sequence, chunk, byte) = (&after.sequence, &after.chunk, &after.byte);
    let parameters: Parameters<'_> = &[&tick, sequence, chunk, byte, &target];
    read_part(&one(client, DRAIN, parameters).await?)
}

fn read_part(row: &Row) -> Result<Drained> {
    Ok(Drained {
        next: Cursor {
            sequence: row.try_get::<_, Option<i64>>(0)?.unwrap_or(0),
            chunk: row.try_get::<_, Option<i32>>(1)?.unwrap_or(-1),
            byte: row.try_get(6)?,
        },
        last: row.try_get(2)?,
        encoding: row.try_get(3)?,
        changes: row.try_get(4)?,
        body: row.try_get(5)?,
    })
}

pub(crate) async fn settle(client: &Client, tick: i64) -> Result<()> {
    one(client, SETTLE, &[&tick]).await.map(drop)
}

pub(crate) async fn apply(client: &Client, part: &Part) -> Result<Applied> {
    let parameters: Parameters<'_> = &[
        &part.origin,
        &part.incarnation,
        &part.tick,
        &part.previous,
        &part.number,
        &part.last,
        &part.created_us,
        &part.peer_position,
        &part.position_incarnation,
        &part.broker_user,
        &part.encoding,
        &part.body,
        &part.continued,
    ];
    applied(&one(client, APPLY, parameters).await?)
}

pub(crate) async fn apply_staged(client: &Client, origin: &str) -> Result<Applied> {
    applied(&one(client, APPLY_STAGED, &[&origin]).await?)
}

/// Returns when what was visible before the call is on disk, if the server has lived through it: see
/// [`crate::inbox::apply::Witness`].
pub(crate) async fn flush(client: &Client) -> Result<()> {
    one(client, FLUSH, &[]).await.map(drop)
}

fn applied(row: &Row) -> Result<Applied> {
    Ok(Applied {
        outcome: row.try_get(0)?,
        position: row.try_get(1)?,
        changes: row.try_get::<_, Option<i64>>(2)?.unwrap_or(0),
        detail: row.try_get(3)?,
        seen: row.try_get(4)?,
    })
}

pub(crate) async fn staged_lanes(client: &Client) -> Result<Vec<String>> {
    many(client, STAGED_LANES, &[])
        .await?
        .iter()
        .map(|row| Ok(row.try_get(0)?))
        .collect()
}

pub(crate) async fn halt_lane(
    client: &Client,
    origin: &str,
    tick: i64,
    sqlstate: &str,
    reason: &str,
) -> Result<()> {
    one(client, HALT_LANE, &[&origin, &tick, &sqlstate, &reason])
        .await
        .map(drop)
}

/// Who sent a control message.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    pub(crate) origin: String,
    pub(crate) incarnation: String,
    pub(crate) broker_user: Option<String>,
}

pub(crate) async fn receive_hello(
    client: &Client,
    sender: &Sender,
    role: &str,
    position: Option<i64>,
    position_incarnation: Option<&str>,
    load: Option<Load>,
) -> Result<Greeting> {
    let load = load.map(Load::as_str);
    let parameters: Parameters<'_> = &[
        &sender.origin,
        &sender.incarnation,
        &role,
        &position,
        &position_incarnation,
        &sender.broker_user,
        &load,
    ];
    let row = one(client, RECEIVE_HELLO, parameters).await?;
    Ok(Greeting {
        start: row.try_get::<_, Option<i64>>(0)?.unwrap_or(0),
        received: row.try_get::<_, Option<i64>>(1)?.unwrap_or(0),
        received_incarnation: row.try_get(2)?,
        resend_from: row.try_get(3)?,
        number: row.try_get(4)?,
        rejoins: row.try_get(5)?,
    })
}

/// What a head says in its welcome.
#[derive(Debug)]
pub(crate) struct Welcome {
    pub(crate) start: i64,
    pub(crate) received: i64,
    pub(crate) received_incarnation: Option<String>,
    pub(crate) number: Option<i32>,
    pub(crate) rejoins: bool,
}

pub(crate) async fn receive_welcome(
    client: &Client,
    sender: &Sender,
    welcome: &Welcome,
) -> Result<Welcomed> {
    let parameters: Parameters<'_> = &[
        &sender.origin,
        &sender.incarnation,
        &welcome.start,
        &welcome.received,
        &welcome.received_incarnation,
        &sender.broker_user,
        &welcome.number,
        &welcome.rejoins,
    ];
    let row = one(client, RECEIVE_WELCOME, parameters).await?;
    Ok(Welcomed {
        resend_from: row.try_get(0)?,
        ask_from: row.try_get(1)?,
    })
}

pub(crate) async fn receive_position(
    client: &Client,
    sender: &Sender,
    position: i64,
    position_incarnation: &str,
) -> Result<()> {
    let parameters: Parameters<'_> = &[
        &sender.origin,
        &sender.incarnation,
        &sender.broker_user,
        &position,
        &position_incarnation,
    ];
    one(client, RECEIVE_POSITION, parameters).await.map(drop)
}

/// An error unless the office is known as one that sends as this user of the broker.
pub(crate) async fn require_sender(client: &Client, sender: &Sender) -> Result<()> {
    let parameters: Parameters<'_> = &[&sender.origin, &sender.incarnation, &sender.broker_user];
    one(client, REQUIRE_SENDER, parameters).await.map(drop)
}

pub(crate) async fn inbox_position(client: &Client) -> Result<Vec<InboxPosition>> {
    many(client, INBOX_POSITION, &[])
        .await?
        .iter()
        .map(|row| {
            Ok(InboxPosition {
                origin: row.try_get(0)?,
                incarnation: row.try_get(1)?,
                position: row.try_get(2)?,
                seen: row.try_get(3)?,
            })
        })
        .collect()
}

pub(crate) async fn prune(client: &Client) -> Result<i64> {
    Ok(one(client, PRUNE, &[])
        .await?
        .try_get::<_, Option<i64>>(0)?
        .unwrap_or(0))
}

/// The first `max` findings.
pub(crate) async fn check(client: &Client, max: i64) -> Result<Vec<Finding>> {
    many(client, CHECK, &[&max])
        .await?
        .iter()
        .map(|row| {
            Ok(Finding {
                severity: row.try_get(0)?,
                object: row.try_get(1)?,
                problem: row.try_get(2)?,
                remedy: row.try_get(3)?,
            })
        })
        .collect()
}

/// `peer`: who asks; refused unless it is known. None: we ourselves.
pub(crate) async fn tell_tables(
    client: &Client,
    known: Option<&str>,
    peer: Option<&Sender>,
) -> Result<Told> {
    let parameters: Parameters<'_> = &[
        &known,
        &peer.map(|peer| &peer.origin),
        &peer.map(|peer| &peer.incarnation),
        &peer.and_then(|peer| peer.broker_user.as_ref()),
    ];
    let row = one(client, TELL_TABLES, parameters).await?;
    Ok(Told {
        digest: row.try_get(0)?,
        definitions: row.try_get::<_, Option<&str>>(1)?.map(Arc::from),
        functions: row.try_get(2)?,
    })
}

pub(crate) async fn held_tables(client: &Client, origin: &str) -> Result<Option<String>> {
    Ok(one(client, HELD_TABLES, &[&origin]).await?.try_get(0)?)
}

/// Whether what the peer told is news.
pub(crate) async fn receive_tables(
    client: &Client,
    sender: &Sender,
    digest: &str,
    definitions: &str,
    functions: Option<&[String]>,
) -> Result<bool> {
    let parameters: Parameters<'_> = &[
        &sender.origin,
        &sender.incarnation,
        &sender.broker_user,
        &digest,
        &definitions,
        &functions,
    ];
    Ok(one(client, RECEIVE_TABLES, parameters).await?.try_get(0)?)
}

/// Asks the head for its tables (a branch with an empty database); the state of that.
pub(crate) async fn join(client: &Client) -> Result<String> {
    Ok(one(client, JOIN, &[]).await?.try_get(0)?)
}

/// How far the loading of this branch is, while rows are to come; `None`: it is not being loaded.
pub(crate) async fn load_state(client: &Client) -> Result<Option<Load>> {
    let state: Option<String> = one(client, LOAD_STATE, &[]).await?.try_get(0)?;
    let known = [Load::Asked, Load::Rows].into_iter();
    Ok(state.and_then(|state| known.into_iter().find(|load| load.as_str() == state)))
}

/// The chunks that were taken here last, by number and tick.
pub(crate) async fn load_answers(client: &Client) -> Result<Vec<(i64, i64)>> {
    let rows = many(client, LOAD_ANSWERS, &[]).await?;
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect()
}

/// Makes the next index or constraint of a branch that has all its rows; how many are left. `None`: there
/// is nothing to do.
pub(crate) async fn load_step(client: &Client) -> Result<Option<i32>> {
    Ok(one(client, LOAD_STEP, &[]).await?.try_get(0)?)
}

/// How far the loading of this branch is, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoadProgress {
    pub(crate) state: String,
    pub(crate) rows: i64,
    pub(crate) estimated_rows: i64,
    /// Of the rows taken, as the wire format writes them.
    pub(crate) bytes: i64,
    /// On the head's disk.
    pub(crate) estimated_bytes: i64,
    /// Rows a second.
    pub(crate) rate: Option<i64>,
    pub(crate) left_seconds: Option<i64>,
    /// Indexes and constraints that are still to be made.
    pub(crate) steps_left: i32,
    pub(crate) error: Option<String>,
}

pub(crate) async fn load_progress(client: &Client) -> Result<Option<LoadProgress>> {
    let rows = many(client, LOAD_PROGRESS, &[]).await?;
    let row = rows.first();
    row.map(|row| {
        Ok(LoadProgress {
            state: row.try_get(0)?,
            rows: row.try_get(1)?,
            estimated_rows: row.try_get(2)?,
            bytes: row.try_get(3)?,
            estimated_bytes: row.try_get(4)?,
            rate: row.try_get(5)?,
            left_seconds: row.try_get(6)?,
            steps_left: row.try_get(7)?,
            error: row.try_get(8)?,
        })
    })
    .transpose()
}

/// Reads what is wanted next, in a transaction whose snapshot is the reading's tick.
pub(crate) async fn read_next(client: &Client, except: &[String]) -> Result<Read> {
    prepared(client, READ_NEXT).await?;
    let parameters: Parameters<'_> = &[&except];
    // One round trip: all are sent at once, and run in this order. After an error COMMIT rolls back.
    let (begun, read, ended) = tokio::join!(
        client.batch_execute(BEGIN_READING),
        one(client, READ_NEXT, parameters),
        client.batch_execute("COMMIT"),
    );
    begun?;
    let row = read?;
    ended?;
    let body: Option<Vec<u8>> = row.try_get(5)?;
    let reading = match body {
        None => None,
        Some(body) => Some(Reading {
            number: row.try_get(1)?,
            branch: row.try_get(2)?,
            kind: row.try_get(3)?,
            tick: row.try_get(4)?,
            body,
        }),
    };
    let open = row.try_get(0)?;
    Ok(Read { open, reading })
}

/// The head's relay was away: what branches have answered meanwhile is yet to be read.
pub(crate) async fn await_answers(client: &Client) -> Result<()> {
    one(client, AWAIT_ANSWERS, &[]).await.map(drop)
}

pub(crate) async fn want_again(client: &Client, numbers: &[i64]) -> Result<()> {
    one(client, WANT_AGAIN, &[&numbers]).await.map(drop)
}

pub(crate) async fn take_reading(client: &Client, message: &ReadingMessage) -> Result<Taken> {
    let parameters: Parameters<'_> = &[
        &message.sender.origin,
        &message.sender.incarnation,
        &message.tick,
        &message.kind,
        &message.number,
        &message.sender.broker_user,
        &message.encoding,
        &message.body,
    ];
    let row = one(client, TAKE_READING, parameters).await?;
    Ok(Taken {
        outcome: row.try_get(0)?,
        answer: row.try_get(1)?,
    })
}

pub(crate) async fn receive_answer(
    client: &Client,
    sender: &Sender,
    number: i64,
    tick: i64,
    outcome: &str,
    answer: Option<&str>,
) -> Result<()> {
    let parameters: Parameters<'_> = &[
        &sender.origin,
        &sender.incarnation,
        &sender.broker_user,
        &number,
        &tick,
        &outcome,
        &answer,
    ];
    one(client, RECEIVE_ANSWER, parameters).await.map(drop)
}

pub(crate) async fn paused(client: &Client) -> Result<Paused> {
    let row = one(client, PAUSED, &[]).await?;
    let (branches, sent): (Vec<String>, Vec<i64>) = (row.try_get(3)?, row.try_get(4)?);
    Ok(Paused {
        branches: branches.into_iter().zip(sent).collect(),
        send: row.try_get(0)?,
        receive: row.try_get(1)?,
        second_of_day: u32::try_from(row.try_get::<_, i32>(2)?).unwrap_or(0),
    })
}

pub(crate) async fn traffic(client: &Client) -> Result<Traffic> {
    let row = one(client, TRAFFIC, &[]).await?;
    Ok(Traffic {
        sent_tick: row.try_get(0)?,
        is_unsent: row.try_get(1)?,
        ticks: row.try_get(2)?,
        rows: row.try_get(3)?,
        bytes: row.try_get(4)?,
        waiting_ticks: row.try_get(5)?,
    })
}

/// Begins to compare branches that were not compared for so many seconds; how many.
pub(crate) async fn verify_in_background(client: &Client, every: f64) -> Result<i64> {
    Ok(one(client, VERIFY_IN_BACKGROUND, &[&every])
        .await?
        .try_get(0)?)
}

/// The branches that have left, and whose queues have not been deleted yet.
pub(crate) async fn queues_to_delete(client: &Client) -> Result<Vec<String>> {
    let rows = many(client, QUEUES_TO_DELETE, &[]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

pub(crate) async fn queue_deleted(client: &Client, branch: &str) -> Result<()> {
    one(client, QUEUE_DELETED, &[&branch]).await.map(drop)
}

/// Begins to compare offices; the numbers of the comparisons.
pub(crate) async fn verify(
    client: &Client,
    office: Option<&str>,
    table: Option<&str>,
    mode: &str,
) -> Result<Vec<i64>> {
    let row = one(client, VERIFY, &[&office, &table, &mode]).await?;
    Ok(row.try_get::<_, Option<Vec<i64>>>(0)?.unwrap_or_default())
}

/// How far comparisons are, and what they found: JSON.
pub(crate) async fn verify_report(client: &Client, numbers: &[i64]) -> Result<String> {
    Ok(one(client, VERIFY_REPORT, &[&numbers]).await?.try_get(0)?)
}

/// Whether a function exists, and whether this role may execute it.
pub(crate) async fn executable(client: &Client, function: &str) -> Result<(bool, bool)> {
    let row = one(client, EXECUTABLE, &[&function]).await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}

/// What `officesync.status()` says, as JSON.
pub(crate) async fn status(client: &Client) -> Result<String> {
    Ok(one(client, STATUS, &[]).await?.try_get(0)?)
}

/// What others see of this session in `pg_stat_activity`.
pub(crate) async fn name_session(client: &Client, name: &str) -> Result<()> {
    one(client, NAME_SESSION, &[&name]).await.map(drop)
}

/// One row of the outbox, as `peek` shows it.
#[derive(Debug)]
pub(crate) struct Kept {
    /// `None`: in no tick yet.
    pub(crate) tick: Option<i64>,
    pub(crate) sequence: i64,
    pub(crate) chunk: i32,
    pub(crate) changes: i32,
    pub(crate) compressed: bool,
    pub(crate) body: Vec<u8>,
}

/// The rows of so many transactions that a peer has not acknowledged, the oldest or the newest ones.
pub(crate) async fn peek(client: &Client, transactions: i32, newest: bool) -> Result<Vec<Kept>> {
    many(client, PEEK, &[&transactions, &newest])
        .await?
        .iter()
        .map(|row| {
            Ok(Kept {
                tick: row.try_get(0)?,
                sequence: row.try_get(1)?,
                chunk: row.try_get(2)?,
                changes: row.try_get(3)?,
                compressed: row.try_get(4)?,
                body: row.try_get(5)?,
            })
        })
        .collect()
}
