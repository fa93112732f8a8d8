//! What the relay counts: the summary line, the readiness answer and `/metrics` are read from here.
//!
//! Invariant: counters only go up, for as long as the process lives; nothing decides anything by them.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::error::Error;

/// How something ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Outcome {
    pub(crate) outcome: &'static str,
}

/// One of the relay's connections: `database`, `publishing` or `consuming`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Connection {
    pub(crate) connection: &'static str,
}

/// A kind of error, as in `error.rs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Trouble {
    pub(crate) kind: &'static str,
}

/// The relay's link to the broker, as it tells everybody who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// Publishing and consuming.
    Up,
    /// Connected, but the broker takes nothing: a memory or disk alarm.
    Blocked,
    Down,
}

impl Link {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Link::Up => "up",
            Link::Blocked => "blocked",
            Link::Down => "down",
        }
    }
}

/// Counters since the process began, and the state of each connection.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    pub(crate) ticks_sent: Counter,
    pub(crate) changes_sent: Counter,
    pub(crate) bytes_sent: Counter,
    pub(crate) ticks_applied: Counter,
    pub(crate) changes_applied: Counter,
    pub(crate) bytes_received: Counter,
    /// Messages published, by what the broker answered.
    pub(crate) publishes: Family<Outcome, Counter>,
    /// Parts received, by what the database made of them.
    pub(crate) parts: Family<Outcome, Counter>,
    /// Connections made after the first.
    pub(crate) reconnects: Family<Connection, Counter>,
    pub(crate) errors: Family<Trouble, Counter>,
    /// Age of the last tick when it was applied here, milliseconds.
    pub(crate) lag_ms: AtomicI64,
    /// Ticks made here and not yet taken by the broker.
    pub(crate) unsent: AtomicI64,
    /// What `officesync.check()` found at the last look.
    pub(crate) found_errors: AtomicU64,
    pub(crate) found_warnings: AtomicU64,
    pub(crate) database: AtomicBool,
    pub(crate) leading: AtomicBool,
    pub(crate) publisher: AtomicBool,
    pub(crate) consumer: AtomicBool,
    /// Whether the broker has told us not to publish.
    pub(crate) blocked: AtomicBool,
    /// Whether this process has ever published to the broker.
    pub(crate) broker_ever: AtomicBool,
    /// Told when what `link` answers may have changed.
    pub(crate) link_changed: Notify,
}

impl Stats {
    /// Counts one applied tick, whose creation time came with it.
    pub(crate) fn applied(&self, changes: i64, created_us: Option<i64>) {
        self.ticks_applied.inc();
        self.changes_applied
            .inc_by(u64::try_from(changes).unwrap_or(0));
        if let Some(created_us) = created_us {
            let lag_ms = now_us().saturating_sub(created_us) / 1_000;
            self.lag_ms.store(lag_ms, Relaxed);
        }
    }

    /// Counts messages by what the broker answered.
    pub(crate) fn published(&self, outcome: &'static str, messages: usize) {
        if messages > 0 {
            self.publishes
                .get_or_create(&Outcome { outcome })
                .inc_by(u64::try_from(messages).unwrap_or(0));
        }
    }

    /// Counts a part by what the database made of it; a word we do not know is `other`.
    pub(crate) fn received(&self, outcome: &str) {
        const KNOWN: [&str; 7] = [
            "applied",
            "duplicate",
            "staged",
            "gap",
            "held",
            "unknown",
            "quarantined",
        ];
        let known = KNOWN.into_iter().find(|known| *known == outcome);
        let outcome = known.unwrap_or("other");
        self.parts.get_or_create(&Outcome { outcome }).inc();
    }

    /// Notes that a connection was made: all but the first of this process are reconnects.
    pub(crate) fn connected(&self, connection: &'static str) {
        let label = Connection { connection };
        if self.reconnects.get(&label).is_some() {
            self.reconnects.get_or_create(&label).inc();
        } else {
            drop(self.reconnects.get_or_create(&label));
        }
    }

    /// Counts an error by its kind.
    pub(crate) fn failed(&self, error: &Error) {
        let kind = error.kind().as_str();
        self.errors.get_or_create(&Trouble { kind }).inc();
    }

    /// Notes whether the publishing connection is up; says what it was.
    pub(crate) fn set_publishing(&self, up: bool) -> bool {
        let was = self.publisher.swap(up, Relaxed);
        self.link_changed.notify_one();
        was
    }

    /// Notes whether the consuming connection is up.
    pub(crate) fn set_consuming(&self, up: bool) {
        self.consumer.store(up, Relaxed);
        self.link_changed.notify_one();
    }

    pub(crate) fn link(&self) -> Link {
        if !(self.publisher.load(Relaxed) && self.consumer.load(Relaxed)) {
            Link::Down
        } else if self.blocked.load(Relaxed) {
            Link::Blocked
        } else {
            Link::Up
        }
    }
}

/// The counters at the last summary line.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Totals {
    ticks_sent: u64,
    changes_sent: u64,
    bytes_sent: u64,
    ticks_applied: u64,
    changes_applied: u64,
    bytes_received: u64,
}

impl Totals {
    fn of(stats: &Stats) -> Self {
        Self {
            ticks_sent: stats.ticks_sent.get(),
            changes_sent: stats.changes_sent.get(),
            bytes_sent: stats.bytes_sent.get(),
            ticks_applied: stats.ticks_applied.get(),
            changes_applied: stats.changes_applied.get(),
            bytes_received: stats.bytes_received.get(),
        }
    }

    /// Says what has come since `before`; nothing, when nothing has.
    fn summary(self, before: Self, stats: &Stats, office: &str) {
        if self == before {
            return;
        }
        tracing::info!(
            office,
            ticks_sent = self.ticks_sent - before.ticks_sent,
            changes_sent = self.changes_sent - before.changes_sent,
            bytes_sent = self.bytes_sent - before.bytes_sent,
            ticks_applied = self.ticks_applied - before.ticks_applied,
            changes_applied = self.changes_applied - before.changes_applied,
            bytes_received = self.bytes_received - before.bytes_received,
            lag_ms = stats.lag_ms.load(Relaxed),
            unsent_ticks = stats.unsent.load(Relaxed),
            "traffic of the last 10 s"
        );
    }
}

/// Writes the summary line every ten seconds while there is traffic.
pub(crate) async fn report(stats: &Stats, office: &str, stop: &CancellationToken) {
    const EVERY: Duration = Duration::from_secs(10);
    let mut before = Totals::of(stats);
    while stop
        .run_until_cancelled(tokio::time::sleep(EVERY))
        .await
        .is_some()
    {
        let now = Totals::of(stats);
        now.summary(before, stats, office);
        before = now;
    }
}

/// Microseconds since 1970.
pub(crate) fn now_us() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_micros()).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_connection_is_no_reconnect() {
        let stats = Stats::default();
        let count = || {
            let label = Connection {
                connection: "consuming",
            };
            stats.reconnects.get(&label).map(|counter| counter.get())
        };
        assert_eq!(count(), None);
        stats.connected("consuming");
        assert_eq!(count(), Some(0));
        stats.connected("consuming");
        assert_eq!(count(), Some(1));
    }

    #[test]
    fn the_link_is_up_when_both_connections_are() {
        let stats = Stats::default();
        assert_eq!(stats.link(), Link::Down);
        stats.set_publishing(true);
        assert_eq!(stats.link(), Link::Down);
        stats.set_consuming(true);
        assert_eq!(stats.link(), Link::Up);
        stats.blocked.store(true, Relaxed);
        assert_eq!(stats.link(), Link::Blocked);
        assert!(stats.set_publishing(false));
        assert_eq!(stats.link(), Link::Down);
    }
}
