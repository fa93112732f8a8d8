//! The status as a person reads it: a few lines on the office, a table of its peers, and what needs a person.

use super::document::{Peer, Status};
use super::rates::Rates;
use super::units::{bytes, milliseconds, span};

/// The whole text, with a newline at its end.
pub(crate) fn render(status: &Status, rates: Option<&Rates>) -> String {
    let mut lines = about(status, rates);
    lines.push(String::new());
    if status.peers.is_empty() {
        lines.push("no peer yet: no other office has said hello".to_owned());
    } else {
        lines.extend(peers(status));
    }
    lines.extend(
        status
            .peers
            .iter()
            .filter(|peer| !peer.is_open())
            .map(halted),
    );
    if status.conflicts.parked > 0 {
        lines.push(format!(
            "{} conflicts wait for a person: SELECT * FROM officesync.conflicts WHERE state = 'parked'",
            status.conflicts.parked
        ));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn about(status: &Status, rates: Option<&Rates>) -> Vec<String> {
    let outbox = &status.outbox;
    let line = |name: &str, text: String| format!("{name:<10} {text}");
    let mut lines = vec![
        line(
            "office",
            format!(
                "{}, {}; extension {}",
                status.office, status.role, status.extension_version
            ),
        ),
        line("link", link(status)),
        line("lag", milliseconds(status.lag_ms)),
        line(
            "backlog",
            format!(
                "{} ticks, {} rows, {}; {} ticks not sent; tick {} made, {} sent, {} acknowledged",
                outbox.ticks,
                outbox.rows,
                bytes(outbox.bytes),
                outbox.unsent_ticks,
                outbox.last_tick,
                outbox.sent_tick,
                outbox.acknowledged_tick,
            ),
        ),
    ];
    if let Some(rates) = rates {
        lines.push(line(
            "rates",
            format!(
                "captured {:.1} transactions/s; applied {:.1} ticks/s, {:.1} rows/s, {}/s",
                rates.captured_transactions,
                rates.applied_ticks,
                rates.applied_rows,
                bytes(rates.received_bytes as i64),
            ),
        ));
    }
    lines.push(line(
        "tables",
        format!(
            "{} tracked; conflicts: {} recorded, {} parked; quarantine: {} messages",
            status.tracked_tables,
            status.conflicts.recorded,
            status.conflicts.parked,
            status.quarantined
        ),
    ));
    lines
}

fn link(status: &Status) -> String {
    let relay = &status.relay;
    if !relay.running {
        return "no relay is running for this office".to_owned();
    }
    let since = relay.link_since.map_or_else(String::new, |since| {
        format!(" for {}", span(status.at - since as f64))
    });
    let started = relay.started_at.map_or_else(String::new, |started| {
        format!("; the relay leads for {}", span(status.at - started))
    });
    let state = match relay.link.as_str() {
        "blocked" => "blocked (the broker takes nothing: memory or disk alarm)",
        other => other,
    };
    format!("{state}{since}{started}")
}

fn peers(status: &Status) -> Vec<String> {
    let heads = [
        "peer",
        "role",
        "lane",
        "last seen",
        "lag",
        "delay",
        "applied",
        "acked",
        "rows",
        "bytes",
        "waiting",
    ];
    let mut rows = vec![heads.map(str::to_owned)];
    for peer in &status.peers {
        rows.push([
            peer.office.clone(),
            peer.role.clone(),
            peer.lane.clone(),
            format!("{} ago", span(status.at - peer.last_seen_at)),
            milliseconds(peer.lag_ms),
            peer.delay_ms.map_or_else(|| "-".to_owned(), milliseconds),
            peer.applied_tick.to_string(),
            peer.acknowledged_tick.to_string(),
            peer.rows.to_string(),
            bytes(peer.bytes),
            format!("{} ticks", peer.waiting_ticks),
        ]);
    }
    aligned(&rows)
}

/// Columns as wide as their widest cell; the first three to the left, numbers to the right.
fn aligned<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    const WORDS: usize = 3;
    let widths: [usize; N] = std::array::from_fn(|column| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    });
    let cell = |(column, text): (usize, &String)| {
        let width = widths[column];
        if column < WORDS {
            format!("{text:<width$}")
        } else {
            format!("{text:>width$}")
        }
    };
    rows.iter()
        .map(|row| {
            let cells: Vec<String> = row.iter().enumerate().map(cell).collect();
            cells.join("  ").trim_end().to_owned()
        })
        .collect()
}

fn halted(peer: &Peer) -> String {
    let tick = peer
        .halted_tick
        .map_or_else(String::new, |tick| format!(" at tick {tick}"));
    let why = match (&peer.sqlstate, &peer.reason) {
        (Some(sqlstate), Some(reason)) => format!(": {} ({sqlstate})", one_line(reason)),
        (None, Some(reason)) => format!(": {}", one_line(reason)),
        _ => String::new(),
    };
    format!("the lane of {} is {}{tick}{why}", peer.office, peer.lane)
}

/// Control characters would let what came from elsewhere write on the terminal.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::document::{Conflicts, Outbox, Relay};

    fn status() -> Status {
        Status {
            office: "lyon".into(),
            role: "branch".into(),
            incarnation: "9f3c".into(),
            number: Some(3),
            extension_version: "0.1.0".into(),
            at: 1_000_000.0,
            relay: Relay {
                running: true,
                link: "down".into(),
                link_since: Some(996_280),
                started_at: Some(900_000.0),
                client_address: None,
            },
            lag_ms: 3_720_000,
            outbox: Outbox {
                last_tick: 40,
                sent_tick: 30,
                acknowledged_tick: 29,
                unsent_ticks: 10,
                unsent_changes: Some(true),
                ticks: 11,
                rows: 120,
                bytes: 34_567,
                disk_bytes: 81_920,
                transactions: 500,
            },
            peers: vec![Peer {
                office: "head".into(),
                role: "head".into(),
                last_seen_at: 996_280.5,
                applied_tick: 77,
                acknowledged_tick: 29,
                lag_ms: 3_720_000,
                delay_ms: Some(4),
                ticks: 77,
                rows: 1_234,
                bytes: 999,
                lane: "halted".into(),
                halted_tick: Some(78),
                sqlstate: Some("23505".into()),
                reason: Some("duplicate\nkey".into()),
                halted_at: Some(996_300.0),
                waiting_ticks: 5,
                waiting_bytes: 77,
            }],
            tracked_tables: 5,
            conflicts: Conflicts {
                recorded: 7,
                parked: 2,
            },
            quarantined: 0,
        }
    }

    #[test]
    fn a_person_reads_what_matters() {
        let text = render(&status(), None);
        for expected in [
            "office     lyon, branch; extension 0.1.0",
            "link       down for 1 h 2 min; the relay leads for 1 d 3 h",
            "backlog    11 ticks, 120 rows, 34.6 kB; 10 ticks not sent",
            "the lane of head is halted at tick 78: duplicate key (23505)",
            "2 conflicts wait for a person",
        ] {
            assert!(text.contains(expected), "{expected:?} is not in:\n{text}");
        }
        assert!(!text.contains("rates"));
    }

    #[test]
    fn rates_are_differences_and_never_negative() {
        let before = status();
        let mut now = status();
        now.at += 2.0;
        now.outbox.transactions += 10;
        now.peers[0].rows += 6;
        let rates = Rates::between(&before, &now).unwrap();
        assert_eq!(
            (rates.captured_transactions, rates.applied_rows),
            (5.0, 3.0)
        );
        assert!(render(&now, Some(&rates)).contains("captured 5.0 transactions/s"));
        // The branch was removed and has joined anew.
        now.peers[0].rows = 0;
        assert_eq!(Rates::between(&before, &now).unwrap().applied_rows, 0.0);
        assert_eq!(Rates::between(&before, &before), None);
    }

    #[test]
    fn the_table_is_aligned() {
        let rows = aligned(&[
            ["peer", "role", "lane", "lag"].map(str::to_owned),
            ["head", "head", "open", "12 ms"].map(str::to_owned),
        ]);
        assert_eq!(rows, ["peer  role  lane    lag", "head  head  open  12 ms"]);
    }
}
