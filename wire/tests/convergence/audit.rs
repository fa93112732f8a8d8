//! What must be true whatever happens: no value vanishes unexplained, the right side wins, sums are exact.

use crate::log::{Author, NAMES, Op};
use crate::table::{FOLLOWED, NUMBER, Row, Table, differing, key_of};
use crate::unseen::Truth;
use officesync_wire::merge::{Conflict, Kind, Policy, Winner};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub(crate) struct Audit {
    pub(crate) ledger: Vec<Conflict>,
    /// Every followed value that anyone wrote.
    written: BTreeSet<i64>,
    /// Those that someone who saw them replaced, or that lost and stand in the ledger.
    explained: BTreeSet<i64>,
    /// What each key's number should be; a key leaves when its row was made, moved, deleted or parked.
    numbers: BTreeMap<i64, i64>,
    /// A rule to break: what lost is not written down.
    forgets: bool,
}

impl Audit {
    pub(crate) fn new(rows: &Table, forgets: bool) -> Self {
        Self {
            forgets,
            numbers: rows
                .iter()
                .map(|(&key, row)| (key, row[NUMBER].unwrap_or_default()))
                .collect(),
            ..Self::default()
        }
    }

    fn explain(&mut self, row: &Row, columns: impl Fn(usize) -> bool) {
        let values = FOLLOWED
            .iter()
            .filter(|&&at| columns(at))
            .filter_map(|&at| row[at]);
        self.explained.extend(values);
    }

    /// A user commits this to `rows`, which they see.
    pub(crate) fn committed(&mut self, op: &Op, rows: &Table) {
        match op {
            Op::Insert(row) => {
                self.written
                    .extend(FOLLOWED.iter().filter_map(|&at| row[at]));
                self.numbers.remove(&key_of(row));
            }
            Op::Update(old, new) => {
                let changed = differing(old, new);
                let values = FOLLOWED.iter().filter(|at| changed.contains(at));
                self.written.extend(values.filter_map(|&at| new[at]));
                self.explain(old, |at| changed.contains(&at));
                if key_of(old) == key_of(new) {
                    if let Some(number) = self.numbers.get_mut(&key_of(old)) {
                        *number +=
                            new[NUMBER].unwrap_or_default() - old[NUMBER].unwrap_or_default();
                    }
                } else {
                    self.numbers.remove(&key_of(old));
                    self.numbers.remove(&key_of(new));
                }
            }
            Op::Delete(row) => {
                self.explain(row, |_| true);
                self.numbers.remove(&key_of(row));
            }
            Op::Truncate => {
                for row in rows.values() {
                    self.explain(row, |_| true);
                }
                self.numbers.clear();
            }
        }
    }

    /// The head decided on a conflict. `truth` is what the branch had really not seen.
    pub(crate) fn decided(
        &mut self,
        conflict: &Conflict,
        key: i64,
        ours: Option<Row>,
        op: Op,
        truth: &Truth,
        author: Author,
    ) -> Result<(), String> {
        let theirs = match op {
            Op::Insert(row) | Op::Update(_, row) => Some(row),
            Op::Delete(_) | Op::Truncate => None,
        };
        check_winners(conflict, truth, author)?;
        if conflict.parked() {
            self.numbers.remove(&key);
        }
        if !self.forgets {
            let decisions = conflict
                .columns
                .iter()
                .map(|decided| (decided.column, decided.winner));
            let lost: Vec<_> = decisions.collect();
            let by_row = lost.is_empty() || conflict.parked();
            for (row, loses_to) in [
                (ours, [Winner::Theirs, Winner::Both]),
                (theirs, [Winner::Ours, Winner::Parked]),
            ] {
                let Some(row) = row else { continue };
                let as_row = by_row
                    && conflict
                        .whole
                        .is_some_and(|winner| loses_to.contains(&winner));
                self.explain(&row, |at| {
                    as_row
                        || lost
                            .iter()
                            .any(|&(column, winner)| column == at && loses_to.contains(&winner))
                });
            }
        }
        self.ledger.push(conflict.clone());
        Ok(())
    }

    /// All is quiet: what stands everywhere is `rows`.
    pub(crate) fn end(&self, rows: &Table, sums: bool) -> Result<(), String> {
        let stands: BTreeSet<i64> = rows
            .values()
            .flat_map(|row| FOLLOWED.map(|at| row[at]))
            .flatten()
            .collect();
        let lost = self
            .written
            .iter()
            .find(|value| !stands.contains(value) && !self.explained.contains(value));
        if let Some(value) = lost {
            return Err(format!(
                "the value {value} is lost: nobody who saw it replaced it, the ledger does not know it"
            ));
        }
        for (key, &number) in self.numbers.iter().filter(|_| sums) {
            let found = rows.get(key).and_then(|row| row[NUMBER]);
            if found != Some(number) {
                return Err(format!(
                    "the number of key {key} is {found:?}, and all its changes together make {number}"
                ));
            }
        }
        Ok(())
    }
}

/// Where the later one was to win: did it? Asked of what the branch had really not seen.
fn check_winners(conflict: &Conflict, truth: &Truth, author: Author) -> Result<(), String> {
    let theirs = (author.1, std::cmp::Reverse(NAMES[author.0]));
    for decided in &conflict.columns {
        let Some(ours) = truth.column(decided.column) else {
            continue;
        };
        if decided.policy != Policy::LastUpdateWins || conflict.whole.is_some() {
            continue;
        }
        let theirs_later = theirs > (ours.commit_time, std::cmp::Reverse(ours.office));
        if theirs_later != (decided.winner == Winner::Theirs) {
            return Err(format!(
                "column {}: {:?} won, {author:?} against {ours:?}",
                decided.column, decided.winner
            ));
        }
    }
    if conflict.kind == Kind::UpdateMissing && truth.deletion() {
        return Err("a deletion was not found".into());
    }
    Ok(())
}
