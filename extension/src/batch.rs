//! Batches: what one snapshot sees of the outbox and an earlier one does not.
//!
//! The same as the SQL function `officesync.batch()`, without a plan: for ticks of a few transactions, which are most.

use crate::pg::logged::{self, Logged, Transactions};
use core::ops::ControlFlow;
use pgrx::prelude::*;
use std::collections::{BTreeSet, HashMap};

/// A `pg_snapshot`: which transactions had committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// All below had ended.
    first_running: u64,
    /// None from here on had begun.
    next: u64,
    /// Those between the two that were running.
    running: Vec<u64>,
}

impl Snapshot {
    /// From its text, `xmin:xmax:xip,xip`.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let mut number = || parts.next()?.parse().ok();
        let (first_running, next) = (number()?, number()?);
        let running = parts.next()?;
        let ids = running.split(',').filter(|id| !id.is_empty());
        Some(Self {
            first_running,
            next,
            running: ids.map(str::parse).collect::<Result<_, _>>().ok()?,
        })
    }

    /// Whether that transaction had ended.
    pub(crate) fn sees(&self, transaction: u64) -> bool {
        transaction < self.first_running
            || transaction < self.next && self.running.binary_search(&transaction).is_err()
    }
}

/// Shows each row of the batch, in no certain order.
fn each(since: &Snapshot, until: &Snapshot, mut look: impl FnMut(&Logged<'_>)) {
    let mut look = |row: &Logged<'_>| {
        if until.sees(row.transaction()) {
            look(row);
        }
        ControlFlow::Continue(())
    };
    let _ = logged::each(Transactions::Range(since.next, until.next), &mut look);
    for late in since.running.iter().filter(|late| until.sees(**late)) {
        let _ = logged::each(Transactions::One(*late), &mut look);
    }
}

/// Whether anything is committed that `since` does not see.
pub(crate) fn is_anything_after(since: &Snapshot) -> bool {
    logged::each(Transactions::From(since.first_running), |row| {
        match since.sees(row.transaction()) {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    })
    .is_break()
}

/// A row of a batch.
pub(crate) struct Chunk {
    /// The number of its transaction.
    pub(crate) sequence: i64,
    pub(crate) chunk: i32,
    pub(crate) changes: i64,
    pub(crate) is_compressed: bool,
    pub(crate) body: Vec<u8>,
}

/// All rows of a batch in their order.
pub(crate) fn in_order(since: &Snapshot, until: &Snapshot) -> Vec<Chunk> {
    let mut rows = Vec::new();
    let mut sequences = HashMap::new();
    each(since, until, |row| {
        if let Some(sequence) = row.sequence() {
            sequences.insert(row.transaction(), sequence);
        }
        let chunk = Chunk {
            sequence: 0,
            chunk: row.chunk(),
            changes: row.changes(),
            is_compressed: row.is_compressed(),
            body: row.body(),
        };
        rows.push((row.transaction(), chunk));
    });
    let numbered = rows.into_iter().filter_map(|(transaction, chunk)| {
        let sequence = *sequences.get(&transaction)?;
        Some(Chunk { sequence, ..chunk })
    });
    let mut chunks: Vec<Chunk> = numbered.collect();
    chunks.sort_by_key(|row| (row.sequence, row.chunk));
    chunks
}

/// `officesync.batch_facts(since, until)`: see `sql/functions/tick.sql`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn batch_facts(
    since: &str,
    until: &str,
) -> TableIterator<
    'static,
    (
        name!(first, Option<i64>),
        name!(last, Option<i64>),
        name!(transactions, i64),
        name!(changes, i64),
        name!(bytes, i64),
        name!(targets, Option<Vec<String>>),
    ),
> {
    let (mut first, mut last) = (None::<i64>, None::<i64>);
    let (mut transactions, mut changes, mut bytes) = (0, 0, 0);
    let mut targets = BTreeSet::new();
    if let (Some(since), Some(until)) = (Snapshot::read(since), Snapshot::read(until)) {
        each(&since, &until, |row| {
            if let Some(sequence) = row.sequence() {
                transactions += 1;
                first = Some(first.map_or(sequence, |known| known.min(sequence)));
                last = last.max(Some(sequence));
            }
            changes += row.changes();
            bytes += row.body_bytes() as i64;
            targets.extend(row.target());
        });
    }
    let targets: Vec<String> = targets
        .into_iter()
        .filter_map(|target| String::from_utf8(target).ok())
        .collect();
    let targets = (!targets.is_empty()).then_some(targets);
    TableIterator::once((first, last, transactions, changes, bytes, targets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_sees_what_had_ended() {
        let snapshot = Snapshot::read("10:14:10,12");
        let seen = |id| snapshot.as_ref().map(|snapshot| snapshot.sees(id));
        assert_eq!(
            [9, 10, 11, 12, 13, 14].map(seen),
            [true, false, true, false, true, false].map(Some)
        );
        assert_eq!(
            Snapshot::read("7:7:").map(|quiet| (quiet.sees(6), quiet.sees(7))),
            Some((true, false))
        );
        for nonsense in ["", "1:2", "1:2:x", "a:2:"] {
            assert_eq!(Snapshot::read(nonsense), None, "{nonsense}");
        }
    }
}
