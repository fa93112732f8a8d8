//! What other offices have said: applied, staged, halted.

use tokio_postgres::Row;

use super::{Client, Parameters, many, one};
use crate::error::Result;

const APPLY: &str = "SELECT outcome, position, changes, detail, seen \
     FROM officesync.apply($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
const APPLY_STAGED: &str =
    "SELECT outcome, position, changes, detail, seen FROM officesync.apply_staged($1)";
const FLUSH: &str = "SELECT officesync.flush()";
const STAGED_LANES: &str = "SELECT officesync.staged_lanes()";
const HALT_LANE: &str = "SELECT officesync.halt_lane($1, $2, $3, $4)";
const INBOX_POSITION: &str = "SELECT origin, incarnation, coalesce(position, 0), coalesce(seen, 0) FROM officesync.inbox_position()";

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

/// How far one origin has been applied here.
#[derive(Debug, Clone)]
pub(crate) struct InboxPosition {
    pub(crate) origin: String,
    pub(crate) incarnation: String,
    pub(crate) position: i64,
    /// What the origin may be told: behind the position while rows were left out.
    pub(crate) seen: i64,
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
