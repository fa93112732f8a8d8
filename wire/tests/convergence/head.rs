//! The head: its rows, and the one log that all follow. How it decides on a change is in `decide`.

use crate::audit::Audit;
use crate::broken::Broken;
use crate::decide::Arrived;
use crate::log::{Line, Office, Stood, Tick};
use crate::story::rules::TableRules;
use crate::story::table::{Op, Row, Table, differing, key_of};
use crate::unseen::{self, Search, Truth};
use officesync_wire::merge::Unseen;
use std::collections::BTreeMap;

pub(crate) struct Head {
    pub(crate) rows: Table,
    /// All ticks ever; the rules may only look at those after `pruned`.
    pub(crate) ticks: Vec<Vec<Line>>,
    pub(crate) pruned: u64,
    acknowledged: Vec<u64>,
    received: Vec<u64>,
    pub(crate) rules: TableRules,
    broken: Option<Broken>,
    /// The keys that the tick at hand changed so far, with whether the head decided otherwise: its lines
    /// are not in the log yet.
    pub(crate) at_hand: BTreeMap<i64, bool>,
    /// For the checks: where the head last decided otherwise than a branch had it, by branch and key.
    pub(crate) decided: BTreeMap<(Office, i64), u64>,
}

/// How a key stands after a change, and whether the head's row changed by it.
fn stood(key: i64, before: Option<Row>, after: Option<Row>) -> (Stood, bool) {
    match (before, after) {
        (Some(before), Some(row)) => {
            let changed = differing(&before, &row);
            let altered = !changed.is_empty();
            (
                Stood::Put {
                    key,
                    row,
                    changed: Some(changed),
                },
                altered,
            )
        }
        (None, Some(row)) => (
            Stood::Put {
                key,
                row,
                changed: None,
            },
            true,
        ),
        (before, None) => {
            let removed = before.is_some();
            (Stood::Gone { key, removed }, removed)
        }
    }
}

impl Head {
    pub(crate) fn new(
        rows: Table,
        branches: usize,
        rules: TableRules,
        broken: Option<Broken>,
    ) -> Self {
        Self {
            rows,
            ticks: Vec::new(),
            pruned: 0,
            acknowledged: vec![0; branches],
            received: vec![0; branches],
            rules,
            broken,
            at_hand: BTreeMap::new(),
            decided: BTreeMap::new(),
        }
    }

    pub(crate) fn is(&self, broken: Broken) -> bool {
        self.broken == Some(broken)
    }

    /// A user of the head commits.
    pub(crate) fn commit(&mut self, time: i64, ops: &[Op]) {
        let mut changes = Vec::new();
        for op in ops {
            let (keys, after): (Vec<i64>, Option<Row>) = match op {
                Op::Truncate => {
                    let removed = std::mem::take(&mut self.rows).into_keys().collect();
                    changes.push(Stood::Truncate { removed });
                    continue;
                }
                Op::Insert(row) => (vec![key_of(row)], Some(*row)),
                Op::Delete(row) => (vec![key_of(row)], None),
                Op::Update(old, new) => (vec![key_of(old), key_of(new)], Some(*new)),
            };
            let written = self.write(&keys, Some(after));
            changes.extend(written.into_iter().map(|(change, _)| change));
        }
        self.ticks.push(vec![Line {
            author: (0, time),
            origin_tick: None,
            merged: false,
            changes,
        }]);
    }

    /// Removes the rows of `keys` and writes `after`; None leaves all as it is. Says how each key stands.
    pub(crate) fn write(&mut self, keys: &[i64], after: Option<Option<Row>>) -> Vec<(Stood, bool)> {
        let mut keys = keys.to_vec();
        keys.dedup();
        let before: Vec<_> = keys.iter().map(|key| self.rows.get(key).copied()).collect();
        if let Some(after) = after {
            for key in &keys {
                self.rows.remove(key);
            }
            if let Some(row) = after {
                self.rows.insert(key_of(&row), row);
            }
        }
        let each = keys.iter().zip(before);
        each.map(|(&key, before)| stood(key, before, self.rows.get(&key).copied()))
            .collect()
    }

    pub(crate) fn acknowledge(&mut self, branch: Office, position: u64) {
        let known = &mut self.acknowledged[branch - 1];
        *known = position.max(*known);
        self.pruned = self.acknowledged.iter().copied().min().unwrap_or_default();
    }

    /// Applies a tick of a branch; one known already is dropped.
    pub(crate) fn receive(
        &mut self,
        branch: Office,
        tick: &Tick,
        audit: &mut Audit,
    ) -> Result<(), String> {
        self.acknowledge(branch, tick.acknowledged);
        if tick.number <= self.received[branch - 1] && !self.is(Broken::HeadAppliesAgain) {
            return Ok(());
        }
        self.received[branch - 1] = tick.number;
        let mut lines = Vec::new();
        self.at_hand.clear();
        // Once the head decided otherwise, all that follows in the tick is passed on as it stands: an earlier
        // line puts the branch's row back, and it would skip the later one that changes it again.
        let mut merged = false;
        for transaction in &tick.transactions {
            if self.is(Broken::LaterLinesNotMerged) {
                merged = false;
            }
            let author = (branch, transaction.time);
            let arrived = Arrived {
                author,
                acknowledged: tick.acknowledged,
            };
            let mut changes = Vec::new();
            for sent in &transaction.changes {
                let (written, differs) = self.change(sent, arrived, audit)?;
                merged |= differs;
                changes.extend(written);
            }
            let whole = merged && !self.is(Broken::MergedOnlyWritten);
            changes.retain(|&(_, altered)| whole || altered);
            lines.push(Line {
                author,
                origin_tick: Some(tick.number),
                merged: merged && !self.is(Broken::MergedNotSaid),
                changes: changes.into_iter().map(|(change, _)| change).collect(),
            });
        }
        self.ticks.push(lines);
        Ok(())
    }

    pub(crate) fn found(&self, key: i64, branch: Office, acknowledged: u64) -> Unseen<'static> {
        let after = acknowledged.max(self.pruned);
        let search = Search { key, branch, after };
        let mut found = unseen::found(&self.ticks, search, self.broken);
        if let Some(&merged) = self.at_hand.get(&key)
            && !self.is(Broken::DecisionsCountAsSeen)
        {
            found.own(merged);
        }
        found
    }

    pub(crate) fn truth(&self, key: i64, branch: Office, after: u64) -> Truth {
        Truth::of(&self.ticks, Search { key, branch, after })
    }
}
