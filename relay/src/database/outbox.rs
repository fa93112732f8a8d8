//! What this office has to say: ticks, their parts, and who gets them.

use tokio_postgres::Row;

use super::{Client, Parameters, many, one};
use crate::error::Result;

const TICK: &str = "SELECT officesync.tick($1)";
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
const PRUNE: &str = "SELECT officesync.prune()";

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

pub(crate) async fn tick(client: &Client, known: i64) -> Result<Option<i64>> {
    Ok(one(client, TICK, &[&known]).await?.try_get(0)?)
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

pub(crate) async fn prune(client: &Client) -> Result<i64> {
    Ok(one(client, PRUNE, &[])
        .await?
        .try_get::<_, Option<i64>>(0)?
        .unwrap_or(0))
}
