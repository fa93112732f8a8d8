//! Batches: what one snapshot sees of the outbox and an earlier one does not.
//!
//! The same as the SQL function `officesync.batch()`, without a plan: for ticks of a few transactions, which are most.

use crate::pg::logged::{self, Logged, Transactions};
use core::ffi::CStr;
use core::ops::ControlFlow;
use std::collections::{BTreeSet, HashMap};

/// How statements over the outbox are planned, whatever the session has set: by its index.
pub(crate) const PLANNING: &[(&CStr, &CStr)] = &[
    (c"enable_seqscan", c"off"),
    (c"enable_hashjoin", c"off"),
    (c"enable_mergejoin", c"off"),
    (c"jit", c"off"),
    (c"plan_cache_mode", c"force_generic_plan"),
];

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
    transaction: u64,
    /// The number of its transaction.
    pub(crate) sequence: i64,
    pub(crate) chunk: i32,
    pub(crate) is_compressed: bool,
    pub(crate) body: Vec<u8>,
}

/// What a batch holds.
#[derive(Default)]
pub(crate) struct Batch {
    /// The lowest and the highest number of its transactions; None: it is empty.
    pub(crate) first: Option<i64>,
    pub(crate) last: Option<i64>,
    pub(crate) transactions: usize,
    pub(crate) changes: i64,
    pub(crate) bytes: i64,
    /// The offices that some of it is for alone.
    pub(crate) targets: BTreeSet<String>,
    sequences: HashMap<u64, i64>,
    /// None: not kept, or more than was to be kept.
    chunks: Option<Vec<Chunk>>,
}

/// The batch between two snapshots. `keep`: its rows too, while they are no more than these bytes and transactions, and
/// all for all.
pub(crate) fn between(since: &Snapshot, until: &Snapshot, keep: Option<(i64, usize)>) -> Batch {
    let mut batch = Batch {
        chunks: keep.map(|_| Vec::new()),
        ..Batch::default()
    };
    each(since, until, |row| batch.add(row, keep));
    batch
}

impl Batch {
    fn add(&mut self, row: &Logged<'_>, keep: Option<(i64, usize)>) {
        if let Some(sequence) = row.sequence() {
            self.transactions += 1;
            self.first = Some(self.first.map_or(sequence, |known| known.min(sequence)));
            self.last = self.last.max(Some(sequence));
            if self.chunks.is_some() {
                self.sequences.insert(row.transaction(), sequence);
            }
        }
        self.changes += row.changes();
        self.bytes += row.body_bytes() as i64;
        let target = row.target().map(String::from_utf8);
        self.targets.extend(target.and_then(Result::ok));
        let fits = keep.is_some_and(|(bytes, transactions)| {
            self.bytes <= bytes && self.transactions <= transactions && self.targets.is_empty()
        });
        match &mut self.chunks {
            Some(chunks) if fits => chunks.push(Chunk {
                transaction: row.transaction(),
                sequence: 0,
                chunk: row.chunk(),
                is_compressed: row.is_compressed(),
                body: row.body(),
            }),
            chunks => *chunks = None,
        }
    }

    /// All its rows in their order; None where they were not kept.
    pub(crate) fn into_rows(self) -> Option<Vec<Chunk>> {
        let sequences = self.sequences;
        let numbered = self.chunks?.into_iter().filter_map(|chunk| {
            let sequence = *sequences.get(&chunk.transaction)?;
            Some(Chunk { sequence, ..chunk })
        });
        let mut chunks: Vec<Chunk> = numbered.collect();
        chunks.sort_by_key(|row| (row.sequence, row.chunk));
        Some(chunks)
    }
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
