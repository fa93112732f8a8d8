//! What was written, and what must have become of it: no value vanishes unexplained, sums are exact.

use super::table::{FOLLOWED, NUMBER, Op, Row, Table, differing, key_of};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) struct Written {
    /// Every followed value that anyone wrote.
    values: BTreeSet<i64>,
    /// Those that someone who saw them replaced, or that lost and stand in the ledger.
    explained: BTreeSet<i64>,
    /// What each key's number should be; a key leaves when its row was made, moved, deleted or parked.
    numbers: BTreeMap<i64, i64>,
}

impl Written {
    pub(crate) fn new(rows: &Table) -> Self {
        let numbers = rows
            .iter()
            .map(|(&key, row)| (key, row[NUMBER].unwrap_or_default()));
        Self {
            values: BTreeSet::new(),
            explained: BTreeSet::new(),
            numbers: numbers.collect(),
        }
    }

    /// The row's values of these columns need not stand.
    pub(crate) fn explain(&mut self, row: &Row, columns: impl Fn(usize) -> bool) {
        let values = FOLLOWED
            .iter()
            .filter(|&&at| columns(at))
            .filter_map(|&at| row[at]);
        self.explained.extend(values);
    }

    /// A change of this key waits for a person: its number may be any.
    pub(crate) fn parked(&mut self, key: i64) {
        self.numbers.remove(&key);
    }

    /// A user commits this to `rows`, which they see.
    pub(crate) fn committed(&mut self, op: &Op, rows: &Table) {
        match op {
            Op::Insert(row) => {
                self.values
                    .extend(FOLLOWED.iter().filter_map(|&at| row[at]));
                self.numbers.remove(&key_of(row));
            }
            Op::Update(old, new) => {
                let changed = differing(old, new);
                let values = FOLLOWED.iter().filter(|at| changed.contains(at));
                self.values.extend(values.filter_map(|&at| new[at]));
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

    /// All is quiet: what stands everywhere is `rows`. The error is what is missing.
    pub(crate) fn end(&self, rows: &Table, sums: bool) -> Result<(), String> {
        let stands: BTreeSet<i64> = rows
            .values()
            .flat_map(|row| FOLLOWED.map(|at| row[at]))
            .flatten()
            .collect();
        let lost = self
            .values
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
