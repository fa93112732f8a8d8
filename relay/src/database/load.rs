//! The loading of a branch that joins with an empty database.

use super::{Client, many, one};
use crate::error::Result;
use crate::message::Load;

const JOIN: &str = "SELECT officesync.join()";
const LOAD_ANSWERS: &str = "SELECT number, tick FROM officesync.load_answers()";
const LOAD_STATE: &str = "SELECT officesync.load_state()";
const LOAD_STEP: &str = "SELECT officesync.load_step()";
const LOAD_PROGRESS: &str = "SELECT state, rows, estimated_rows, bytes, estimated_bytes, rate, left_seconds, \
     steps_left, error FROM officesync.load_progress()";

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
