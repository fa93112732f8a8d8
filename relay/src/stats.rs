//! What the relay counts: the summary line and the readiness answer are read from here.
//!
//! Invariant: counters only; nothing decides anything by them.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio_util::sync::CancellationToken;

/// Counters since the last summary line, and the state of each connection.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    pub(crate) ticks_sent: AtomicU64,
    pub(crate) changes_sent: AtomicU64,
    pub(crate) bytes_sent: AtomicU64,
    pub(crate) ticks_applied: AtomicU64,
    pub(crate) changes_applied: AtomicU64,
    pub(crate) bytes_received: AtomicU64,
    /// Age of the last tick when it was applied here, milliseconds.
    pub(crate) lag_ms: AtomicI64,
    /// Ticks made here and not yet taken by the broker.
    pub(crate) unsent: AtomicI64,
    /// What `officesync.check()` found at the last look.
    pub(crate) errors: AtomicU64,
    pub(crate) warnings: AtomicU64,
    pub(crate) database: AtomicBool,
    pub(crate) leading: AtomicBool,
    pub(crate) publisher: AtomicBool,
    pub(crate) consumer: AtomicBool,
    /// Whether this process has ever published to the broker.
    pub(crate) broker_ever: AtomicBool,
}

impl Stats {
    /// Counts one applied tick, whose creation time came with it.
    pub(crate) fn applied(&self, changes: i64, created_us: Option<i64>) {
        self.ticks_applied.fetch_add(1, Relaxed);
        self.changes_applied
            .fetch_add(u64::try_from(changes).unwrap_or(0), Relaxed);
        if let Some(created_us) = created_us {
            let lag_ms = now_us().saturating_sub(created_us) / 1_000;
            self.lag_ms.store(lag_ms, Relaxed);
        }
    }

    fn summary(&self, office: &str) {
        let sent = self.ticks_sent.swap(0, Relaxed);
        let changes_sent = self.changes_sent.swap(0, Relaxed);
        let bytes_sent = self.bytes_sent.swap(0, Relaxed);
        let applied = self.ticks_applied.swap(0, Relaxed);
        let changes_applied = self.changes_applied.swap(0, Relaxed);
        let bytes_received = self.bytes_received.swap(0, Relaxed);
        if sent + applied + bytes_sent + bytes_received == 0 {
            return;
        }
        tracing::info!(
            office,
            ticks_sent = sent,
            changes_sent,
            bytes_sent,
            ticks_applied = applied,
            changes_applied,
            bytes_received,
            lag_ms = self.lag_ms.load(Relaxed),
            unsent_ticks = self.unsent.load(Relaxed),
            "traffic of the last 10 s"
        );
    }
}

/// Writes the summary line every ten seconds while there is traffic.
pub(crate) async fn report(stats: &Stats, office: &str, stop: &CancellationToken) {
    const EVERY: Duration = Duration::from_secs(10);
    while stop
        .run_until_cancelled(tokio::time::sleep(EVERY))
        .await
        .is_some()
    {
        stats.summary(office);
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
