//! What people are told: findings, status, comparisons.

use super::{Client, many, one};
use crate::error::Result;

const CHECK: &str = "SELECT severity, object, problem, remedy FROM officesync.check() LIMIT $1";
const STATUS: &str = "SELECT officesync.status()::text";
const PEEK: &str =
    "SELECT tick, sequence, chunk, changes, compressed, body FROM officesync.peek($1, $2)";
const TRAFFIC: &str = "SELECT p.sent_tick, officesync.has_unsent() OR p.last_tick > p.sent_tick, \
     coalesce(sum(o.ticks), 0)::bigint, coalesce(sum(o.rows), 0)::bigint, coalesce(sum(o.bytes), 0)::bigint, \
     (SELECT coalesce(sum(l.waiting_ticks), 0)::bigint FROM officesync.lanes l WHERE l.state = 'open') \
     FROM officesync.outbox_position() p LEFT JOIN officesync.offices o ON true GROUP BY 1, 2";
const VERIFY_IN_BACKGROUND: &str =
    "SELECT officesync.verify_in_background($1 * interval '1 second')";
const VERIFY: &str = "SELECT array_agg(v) FROM officesync.verify($1, $2, $3) v";
const VERIFY_REPORT: &str = "SELECT officesync.verify_report($1)::text";

/// One row of `officesync.check()`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) severity: String,
    pub(crate) object: Option<String>,
    pub(crate) problem: String,
    pub(crate) remedy: Option<String>,
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

/// What `officesync.status()` says, as JSON.
pub(crate) async fn status(client: &Client) -> Result<String> {
    Ok(one(client, STATUS, &[]).await?.try_get(0)?)
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
