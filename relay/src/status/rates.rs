//! How fast things go: the difference of two looks.

use serde::Serialize;

use super::document::Status;

/// What came between two looks, a second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Rates {
    /// The time between the looks.
    pub(crate) seconds: f64,
    /// Transactions of this office that came into ticks.
    pub(crate) captured_transactions: f64,
    pub(crate) made_ticks: f64,
    pub(crate) sent_ticks: f64,
    pub(crate) applied_ticks: f64,
    pub(crate) applied_rows: f64,
    pub(crate) received_bytes: f64,
}

impl Rates {
    /// `None` where no time has passed, or the looks are of two databases.
    pub(crate) fn between(before: &Status, now: &Status) -> Option<Self> {
        let seconds = now.at - before.at;
        if seconds <= 0.0 || before.incarnation != now.incarnation {
            return None;
        }
        let rate = |before: i64, now: i64| now.saturating_sub(before).max(0) as f64 / seconds;
        let sum = |status: &Status, of: fn(&super::document::Peer) -> i64| {
            status.peers.iter().map(of).sum::<i64>()
        };
        let peers = |of: fn(&super::document::Peer) -> i64| rate(sum(before, of), sum(now, of));
        Some(Self {
            seconds,
            captured_transactions: rate(before.outbox.transactions, now.outbox.transactions),
            made_ticks: rate(before.outbox.last_tick, now.outbox.last_tick),
            sent_ticks: rate(before.outbox.sent_tick, now.outbox.sent_tick),
            applied_ticks: peers(|peer| peer.ticks),
            applied_rows: peers(|peer| peer.rows),
            received_bytes: peers(|peer| peer.bytes),
        })
    }
}
