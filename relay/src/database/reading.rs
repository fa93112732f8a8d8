//! Readings of the head's tables for one branch.

use super::Sender;
use super::{Client, Parameters, one, prepared};
use crate::error::Result;

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
