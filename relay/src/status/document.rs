//! What `officesync.status()` says, as types: the one source of `status`, `--json` and `/metrics`.
//!
//! Invariant: nothing is worked out here; the numbers are the database's. Fields that this relay does not
//! know are left out, ones that it needs and misses are an error that names the versions.

use serde::{Deserialize, Serialize};

use crate::database::{self, Client};
use crate::error::{Error, Result};
use crate::lead::unfit;

/// This office at a glance. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) office: String,
    pub(crate) role: String,
    pub(crate) incarnation: String,
    /// The branch's number among the offices; `None` before it is welcomed.
    pub(crate) number: Option<i32>,
    pub(crate) extension_version: String,
    pub(crate) at: f64,
    pub(crate) relay: Relay,
    /// How long the oldest tick has waited that some peer has not acknowledged.
    pub(crate) lag_ms: i64,
    pub(crate) outbox: Outbox,
    pub(crate) peers: Vec<Peer>,
    pub(crate) tracked_tables: i64,
    pub(crate) conflicts: Conflicts,
    /// Messages in `officesync.quarantine`.
    pub(crate) quarantined: i64,
}

/// The relay that leads this office.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Relay {
    pub(crate) running: bool,
    /// `up`, `blocked`, `down`, or `unknown` where no relay runs.
    pub(crate) link: String,
    pub(crate) link_since: Option<i64>,
    pub(crate) started_at: Option<f64>,
    pub(crate) client_address: Option<String>,
}

/// `officesync.outbox_status`, and how many transactions were ever captured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outbox {
    pub(crate) last_tick: i64,
    pub(crate) sent_tick: i64,
    pub(crate) acknowledged_tick: i64,
    pub(crate) unsent_ticks: i64,
    pub(crate) unsent_changes: Option<bool>,
    pub(crate) ticks: i64,
    pub(crate) rows: i64,
    pub(crate) bytes: i64,
    pub(crate) disk_bytes: i64,
    pub(crate) transactions: i64,
}

/// A row of `officesync.offices` with its lane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Peer {
    pub(crate) office: String,
    pub(crate) role: String,
    pub(crate) last_seen_at: f64,
    pub(crate) applied_tick: i64,
    pub(crate) acknowledged_tick: i64,
    pub(crate) lag_ms: i64,
    pub(crate) delay_ms: Option<i64>,
    pub(crate) ticks: i64,
    pub(crate) rows: i64,
    pub(crate) bytes: i64,
    /// `open`, or why nothing is applied.
    pub(crate) lane: String,
    pub(crate) halted_tick: Option<i64>,
    pub(crate) sqlstate: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) halted_at: Option<f64>,
    pub(crate) waiting_ticks: i64,
    pub(crate) waiting_bytes: i64,
}

impl Peer {
    pub(crate) fn is_open(&self) -> bool {
        self.lane == "open"
    }
}

/// What the ledger holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Conflicts {
    pub(crate) recorded: i64,
    /// Those that wait for a person.
    pub(crate) parked: i64,
}

impl Status {
    /// Asks the database.
    pub(crate) async fn read(client: &Client) -> Result<Self> {
        let text = database::status(client).await.map_err(unfit)?;
        serde_json::from_str(&text).map_err(|error| {
            Error::Unfit(format!(
                "officesync.status() says something else than this relay ({}) reads: {error}; \
                 install the same version of both",
                env!("CARGO_PKG_VERSION")
            ))
        })
    }
}
