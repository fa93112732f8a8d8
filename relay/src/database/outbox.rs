//! What this office has to say: ticks, their parts, and who gets them.

use tokio_postgres::Row;

use super::{Client, Parameters, many, one};
use crate::error::Result;

const NEXT_TICK: &str =
    "SELECT tick, previous, created_us, encoding, changes, body FROM officesync.next_tick($1, $2)";
const OUTBOX_POSITION: &str =
    "SELECT coalesce(last_tick, 0), coalesce(sent_tick, 0) FROM officesync.outbox_position()";
const TICKS_AFTER: &str = "SELECT tick, previous, (extract(epoch FROM created_at) * 1000000)::bigint, \
     targeted FROM officesync.ticks_after($1, $2)";
const RECIPIENTS: &str = "SELECT branches, target FROM officesync.recipients($1, $2)";
const DRAIN: &str = "SELECT sequence, chunk, last, encoding, changes, body, continue_at \
     FROM officesync.drain($1, $2, $3, $4, $5)";
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

impl Cursor {
    /// Before the first part.
    pub(crate) const START: Self = Self {
        sequence: 0,
        chunk: -1,
        byte: 0,
    };
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

/// A newer tick than was known.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) tick: i64,
    /// With its only part, when it was asked for, has one, and is for all.
    pub(crate) whole: Option<(Tick, Drained)>,
}

/// Makes a tick if there is anything for one; and lowers the flag that makes writers notify where there is a newer one
/// than `known`. `read`: with its body.
pub(crate) async fn next_tick(client: &Client, known: i64, read: bool) -> Result<Option<Found>> {
    let rows = many(client, NEXT_TICK, &[&known, &read]).await?;
    rows.first().map(read_found).transpose()
}

fn read_found(row: &Row) -> Result<Found> {
    let tick = row.try_get(0)?;
    let Some(body) = row.try_get(5)? else {
        return Ok(Found { tick, whole: None });
    };
    let whole = Tick {
        number: tick,
        previous: row.try_get(1)?,
        created_us: row.try_get(2)?,
        targeted: false,
    };
    let part = Drained {
        next: Cursor::START,
        last: true,
        encoding: row.try_get(3)?,
        changes: row.try_get(4)?,
        body,
    };
    Ok(Found {
        tick,
        whole: Some((whole, part)),
    })
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
        .map(read_tick)
        .collect()
}

fn read_tick(row: &Row) -> Result<Tick> {
    Ok(Tick {
        number: row.try_get(0)?,
        previous: row.try_get(1)?,
        created_us: row.try_get(2)?,
        targeted: row.try_get(3)?,
    })
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
