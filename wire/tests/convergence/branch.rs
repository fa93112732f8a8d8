//! A branch: its rows, what it has told the head, and the rule by which it takes the head's log.

use crate::broken::Broken;
use crate::log::{Line, Office, Sent, Stood, Tick, Transaction};
use crate::story::table::{Op, Table, key_of};
use crate::table::hashed;
use officesync_wire::merge::{LeftOut, Pending, Take, Touched};
use std::collections::BTreeMap;

pub(crate) struct Branch {
    pub(crate) id: Office,
    pub(crate) rows: Table,
    pub(crate) pending: Pending,
    pub(crate) left_out: LeftOut,
    /// Committed, but not yet in a tick.
    pub(crate) open: Vec<Transaction>,
    pub(crate) last_tick: u64,
    /// The head's last tick applied here.
    pub(crate) position: u64,
    broken: Option<Broken>,
    /// What the checks know and no branch does: how much of the head's log a pending key's row really shows.
    stale: BTreeMap<i64, u64>,
    stale_table: u64,
}

impl Branch {
    pub(crate) fn new(id: Office, rows: Table, broken: Option<Broken>) -> Self {
        Self {
            id,
            rows,
            pending: Pending::default(),
            left_out: LeftOut::default(),
            open: Vec::new(),
            last_tick: 0,
            position: 0,
            broken,
            stale: BTreeMap::new(),
            stale_table: 0,
        }
    }

    fn is(&self, broken: Broken) -> bool {
        self.broken == Some(broken)
    }

    /// A user of this office commits.
    pub(crate) fn commit(&mut self, time: i64, ops: &[Op]) {
        let changes = ops.iter().map(|op| self.capture(op)).collect();
        self.open.push(Transaction { time, changes });
    }

    fn capture(&mut self, op: &Op) -> Sent {
        let tick = self.last_tick + 1;
        let keys: Vec<i64> = match op {
            Op::Insert(row) | Op::Delete(row) => vec![key_of(row)],
            Op::Update(_, new) if self.is(Broken::OldKeyNotPending) => vec![key_of(new)],
            Op::Update(old, new) => vec![key_of(old), key_of(new)],
            Op::Truncate => Vec::new(),
        };
        let mut seen = Vec::new();
        for &key in &keys {
            let so_far = self.really_seen(key);
            self.stale.entry(key).or_insert(so_far);
            seen.push((key, so_far));
        }
        for &key in &keys {
            self.pending.push(tick, Touched::Key(hashed(key)));
        }
        let mut seen_else = self.position;
        if matches!(op, Op::Truncate) {
            if self.pending.truncated(1) {
                seen_else = self.stale_table;
            } else {
                self.stale_table = self.position;
            }
            seen = self.stale.iter().map(|(&key, &at)| (key, at)).collect();
            if !self.is(Broken::TruncateNotPending) {
                self.pending.push(tick, Touched::Table(1));
            }
        }
        Sent {
            op: *op,
            seen,
            seen_else,
        }
    }

    fn really_seen(&self, key: i64) -> u64 {
        match self.stale.get(&key) {
            Some(&at) => at,
            None if self.pending.truncated(1) => self.stale_table,
            None => self.position,
        }
    }

    /// Everything committed goes into a tick.
    pub(crate) fn tick(&mut self) -> Tick {
        self.last_tick += 1;
        Tick {
            number: self.last_tick,
            acknowledged: self.acknowledged(),
            transactions: std::mem::take(&mut self.open),
        }
    }

    pub(crate) fn acknowledged(&self) -> u64 {
        if self.is(Broken::AcknowledgedPastLeftOut) {
            self.position
        } else {
            self.left_out.acknowledged(self.position)
        }
    }

    /// Applies a tick of the head's log, the one after the last; one known already is dropped.
    pub(crate) fn apply(&mut self, position: u64, lines: &[Line]) {
        if position <= self.position && !self.is(Broken::BranchAppliesAgain) {
            return;
        }
        for line in lines {
            let own = line.author.0 == self.id;
            if own && !self.is(Broken::NeverAcknowledged) {
                self.pending
                    .acknowledge(line.origin_tick.unwrap_or_default());
            }
            let merged = line.merged && !self.is(Broken::MergedIgnored);
            if Take::of(own, merged) == Take::Keys {
                for change in &line.changes {
                    self.take(change, position);
                }
            }
        }
        self.position = self.position.max(position);
        self.left_out.settle(&self.pending);
        let pending = &self.pending;
        self.stale.retain(|&key, _| pending.contains(hashed(key)));
    }

    fn take(&mut self, change: &Stood, position: u64) {
        match change {
            Stood::Put { key, row, .. } => {
                if self.leaves_alone(*key, position) {
                    return;
                }
                self.rows.insert(*key, *row);
            }
            Stood::Gone { key, .. } => {
                if self.leaves_alone(*key, position) {
                    return;
                }
                self.rows.remove(key);
            }
            Stood::Truncate { .. } => {
                let wipes = self.is(Broken::TruncateTakesPending);
                // A pending key that has no row here is left out as well.
                let rows = self.rows.keys().copied();
                let pending = self.pending.keys(1).map(|key| key.hash as i64);
                for key in rows.chain(pending).collect::<Vec<_>>() {
                    if wipes || !self.leaves_alone(key, position) {
                        self.rows.remove(&key);
                    }
                }
            }
        }
    }

    fn leaves_alone(&mut self, key: i64, position: u64) -> bool {
        let pending = self.pending.contains(hashed(key)) && !self.is(Broken::PendingOverwritten);
        if pending {
            self.left_out.add(hashed(key), position);
        }
        pending
    }
}
