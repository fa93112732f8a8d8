//! The session of a relay: whether it leads, what it is called, when it rests.

use std::collections::BTreeMap;

use super::{Client, one};
use crate::error::{Error, Result};

const RELAY_START: &str =
    "SELECT office, role, incarnation, extension_version FROM officesync.relay_start($1)";
const LISTEN: &str = "LISTEN officesync; LISTEN officesync_lane; LISTEN officesync_reading; \
     LISTEN officesync_pause";
const TRY_LEAD: &str = "SELECT officesync.try_lead()";
const DOZE: &str = "SELECT officesync.doze()";
const WAKE: &str = "SELECT officesync.wake()";
const NAME_SESSION: &str = "SELECT set_config('application_name', $1, false)";
const PAUSED: &str =
    "SELECT send, receive, second_of_day, branches, sent_ticks FROM officesync.paused()";

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

pub(crate) async fn doze(client: &Client) -> Result<bool> {
    Ok(one(client, DOZE, &[]).await?.try_get(0)?)
}

pub(crate) async fn wake(client: &Client) -> Result<()> {
    one(client, WAKE, &[]).await.map(drop)
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

/// What others see of this session in `pg_stat_activity`.
pub(crate) async fn name_session(client: &Client, name: &str) -> Result<()> {
    one(client, NAME_SESSION, &[&name]).await.map(drop)
}
