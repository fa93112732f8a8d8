//! The metrics by name: what is counted, in which unit, and the sentence that explains it.
//!
//! Invariant: names follow Prometheus' conventions (base units, `_total` on counters), and none has a label
//! whose values come from a message.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::stats::{Connection, Stats};
use crate::status::document::{Peer, Status};

type Float = Gauge<f64, AtomicU64>;

/// The office a metric is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfPeer {
    peer: String,
}

/// What a finding of `officesync.check()` is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Severity {
    severity: &'static str,
}

pub(super) fn number(registry: &mut Registry, name: &str, help: &str, value: i64) {
    let gauge = Gauge::<i64>::default();
    gauge.set(value);
    registry.register(name, help, gauge);
}

fn measure(registry: &mut Registry, name: &str, help: &str, unit: Unit, value: f64) {
    let gauge = Float::default();
    gauge.set(value);
    registry.register_with_unit(name, help, unit, gauge);
}

fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1_000.0
}

/// What this process has done since it began.
pub(super) fn process(registry: &mut Registry, stats: &Stats) {
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    registry.register("relay", "The relay", Info::new(version));
    for (name, help, counter) in [
        (
            "ticks_published",
            "Ticks handed to the broker, those sent again too",
            &stats.ticks_sent,
        ),
        ("changes_published", "Changes in them", &stats.changes_sent),
        ("ticks_applied", "Ticks applied here", &stats.ticks_applied),
        ("changes_applied", "Changes in them", &stats.changes_applied),
    ] {
        registry.register(name, help, counter.clone());
    }
    for (name, help, counter) in [
        (
            "published",
            "Bodies handed to the broker",
            &stats.bytes_sent,
        ),
        (
            "received",
            "Bodies of ticks received",
            &stats.bytes_received,
        ),
    ] {
        registry.register_with_unit(name, help, Unit::Bytes, counter.clone());
    }
    registry.register(
        "publishes",
        "Messages by what the broker answered: confirmed, returned, nacked or failed",
        stats.publishes.clone(),
    );
    registry.register(
        "parts_received",
        "Messages with parts of ticks by what became of them",
        stats.parts.clone(),
    );
    registry.register(
        "reconnects",
        "Connections made after the first of this process",
        stats.reconnects.clone(),
    );
    registry.register("errors", "Errors by kind", stats.errors.clone());
    state(registry, stats);
}

/// How this process stands now.
fn state(registry: &mut Registry, stats: &Stats) {
    number(
        registry,
        "leading",
        "Whether this relay leads its office: 1 or 0",
        i64::from(stats.leading.load(Relaxed)),
    );
    let connected = Family::<Connection, Gauge>::default();
    for (connection, up) in [
        ("database", &stats.database),
        ("publishing", &stats.publisher),
        ("consuming", &stats.consumer),
    ] {
        let up = i64::from(up.load(Relaxed));
        connected.get_or_create(&Connection { connection }).set(up);
    }
    registry.register("connected", "Whether a connection is up: 1 or 0", connected);
    number(
        registry,
        "publishing_blocked",
        "Whether the broker has blocked publishing: 1 or 0",
        i64::from(stats.blocked.load(Relaxed)),
    );
    let findings = Family::<Severity, Gauge>::default();
    for (severity, found) in [
        ("error", &stats.found_errors),
        ("warning", &stats.found_warnings),
    ] {
        let found = i64::try_from(found.load(Relaxed)).unwrap_or(i64::MAX);
        findings.get_or_create(&Severity { severity }).set(found);
    }
    registry.register(
        "check_findings",
        "What officesync.check() found at the last look",
        findings,
    );
}

/// What the database says of this office.
pub(super) fn office(registry: &mut Registry, status: &Status) {
    let labels = [
        ("office", status.office.clone()),
        ("role", status.role.clone()),
        ("extension_version", status.extension_version.clone()),
    ];
    registry.register("office", "This office", Info::new(labels));
    let outbox = &status.outbox;
    measure(
        registry,
        "lag",
        "How long the oldest tick has waited that a peer has not acknowledged",
        Unit::Seconds,
        seconds(status.lag_ms),
    );
    for (name, help, value) in [
        ("last_tick", "The last tick made", outbox.last_tick),
        (
            "sent_tick",
            "The last tick the broker has confirmed",
            outbox.sent_tick,
        ),
        (
            "acknowledged_tick",
            "The last tick every peer has applied",
            outbox.acknowledged_tick,
        ),
        (
            "unsent_ticks",
            "Ticks the broker has not confirmed",
            outbox.unsent_ticks,
        ),
        (
            "backlog_ticks",
            "Ticks a peer has not acknowledged",
            outbox.ticks,
        ),
        (
            "backlog_rows",
            "Rows of the outbox a peer has not acknowledged",
            outbox.rows,
        ),
        (
            "tracked_tables",
            "Tables whose changes travel",
            status.tracked_tables,
        ),
        (
            "conflicts_recorded",
            "Entries of the ledger",
            status.conflicts.recorded,
        ),
        (
            "conflicts_parked",
            "Conflicts that wait for a person",
            status.conflicts.parked,
        ),
        (
            "quarantined_messages",
            "Messages in the quarantine",
            status.quarantined,
        ),
    ] {
        number(registry, name, help, value);
    }
    measure(
        registry,
        "backlog",
        "Their bodies",
        Unit::Bytes,
        outbox.bytes as f64,
    );
    measure(
        registry,
        "outbox_disk",
        "The outbox's tables and indexes on disk",
        Unit::Bytes,
        outbox.disk_bytes as f64,
    );
}

/// A gauge with a value for each peer that has one.
fn each(
    registry: &mut Registry,
    peers: &[Peer],
    name: &str,
    help: &str,
    of: impl Fn(&Peer) -> Option<f64>,
) {
    let family = Family::<OfPeer, Float>::default();
    for peer in peers {
        if let Some(value) = of(peer) {
            let label = OfPeer {
                peer: peer.office.clone(),
            };
            family.get_or_create(&label).set(value);
        }
    }
    registry.register(name, help, family);
}

type Column = (&'static str, &'static str, fn(&Peer) -> i64);

/// What the database says of its peers. The names are few: only offices it has accepted are there.
pub(super) fn peers(registry: &mut Registry, peers: &[Peer]) {
    each(
        registry,
        peers,
        "peer_last_seen_timestamp_seconds",
        "When it last said something; exact to five minutes while it is idle",
        |peer| Some(peer.last_seen_at),
    );
    each(
        registry,
        peers,
        "peer_lag_seconds",
        "How long the oldest tick has waited that it has not acknowledged",
        |peer| Some(seconds(peer.lag_ms)),
    );
    each(
        registry,
        peers,
        "peer_delay_seconds",
        "How old its last tick was when it was applied here",
        |peer| peer.delay_ms.map(seconds),
    );
    let columns: [Column; 8] = [
        (
            "peer_applied_tick",
            "Its last tick that is applied here",
            |peer| peer.applied_tick,
        ),
        (
            "peer_acknowledged_tick",
            "Our last tick that is applied there",
            |peer| peer.acknowledged_tick,
        ),
        (
            "peer_ticks",
            "Ticks of it that were ever applied here",
            |peer| peer.ticks,
        ),
        ("peer_rows", "Rows in them", |peer| peer.rows),
        ("peer_bytes", "Bytes of them", |peer| peer.bytes),
        (
            "lane_halted",
            "Whether its lane is not open: 1 or 0",
            |peer| i64::from(!peer.is_open()),
        ),
        (
            "lane_waiting_ticks",
            "Ticks of it that have arrived and wait",
            |peer| peer.waiting_ticks,
        ),
        ("lane_waiting_bytes", "Bytes of them", |peer| {
            peer.waiting_bytes
        }),
    ];
    for (name, help, of) in columns {
        each(registry, peers, name, help, |peer| Some(of(peer) as f64));
    }
}
