//! The merge of two rows, column by column. Says nothing of rows that are missing.

use super::authored::{Authored, Unseen};
use super::change::Row;
use super::outcome::{ColumnDecision, Winner};
use super::rules::{Granularity, Policy, RowPolicy, Rules};
use super::values::{NotPossible, Values};
use std::borrow::Cow;
use std::cmp::Ordering;

/// The two rows and what is known of them.
pub(super) struct Rows<'a, 'r> {
    /// The row the branch saw; None where it inserted.
    pub(super) base: Option<&'r Row<'a>>,
    pub(super) ours: &'r Row<'a>,
    pub(super) theirs: &'r Row<'a>,
    pub(super) unseen: &'r Unseen<'a>,
    pub(super) by: Authored<'a>,
}

/// What became of them. With `whole` parked, `row` is not to be used.
pub(super) struct Merged<'a> {
    pub(super) row: Vec<Option<Cow<'a, str>>>,
    pub(super) columns: Vec<ColumnDecision>,
    pub(super) whole: Option<Winner>,
}

impl<'a> Rows<'a, '_> {
    pub(super) fn merge<V: Values>(&self, rules: &Rules<'_>, values: &V) -> Merged<'a> {
        let whole = match rules.granularity {
            Granularity::Columns => None,
            Granularity::Rows(policy) => self.whole(policy, rules.columns),
        };
        let mut merged = Merged {
            row: Vec::with_capacity(self.ours.len()),
            columns: Vec::new(),
            whole: whole.map(|(_, winner)| winner),
        };
        for (column, &policy) in rules.columns.iter().enumerate() {
            let (value, decision) = match whole {
                Some((as_whole, winner)) if !policy.merges_by_itself() => {
                    self.as_whole(column, as_whole, winner)
                }
                _ => self.column(column, policy, values),
            };
            merged.row.push(value);
            merged.columns.extend(decision);
        }
        if merged
            .columns
            .iter()
            .any(|decided| decided.winner == Winner::Parked)
        {
            merged.whole = Some(Winner::Parked);
        }
        if merged.whole == Some(Winner::Parked) {
            // All of the change waits, also what would merge: half of it would be neither side's row.
            for decided in &mut merged.columns {
                decided.winner = Winner::Parked;
            }
        }
        merged
    }

    fn ours_changed(&self, column: usize) -> bool {
        self.base
            .is_none_or(|base| base[column] != self.ours[column])
    }

    fn theirs_changed(&self, column: usize) -> bool {
        self.base
            .is_none_or(|base| base[column] != self.theirs[column])
    }

    fn differ(&self, column: usize) -> bool {
        self.ours[column] != self.theirs[column]
    }

    /// Whether the branch's values count as later than those that ours has in these columns.
    fn theirs_later(&self, columns: impl IntoIterator<Item = usize>) -> bool {
        self.unseen
            .latest(columns)
            .is_none_or(|ours| self.by.later_than(&ours))
    }

    /// The decision about the row as a whole, where both sides changed it and not to the same.
    fn whole(&self, policy: RowPolicy, columns: &[Policy]) -> Option<(Policy, Winner)> {
        let plain = || (0..columns.len()).filter(|&column| !columns[column].merges_by_itself());
        let conflict = plain().any(|column| self.ours_changed(column))
            && plain().any(|column| self.theirs_changed(column))
            && plain().any(|column| self.differ(column));
        conflict.then(|| match policy {
            RowPolicy::LastUpdateWins => {
                let ours = plain().filter(|&column| self.ours_changed(column));
                (Policy::LastUpdateWins, side(self.theirs_later(ours)))
            }
            RowPolicy::HeadWins => (Policy::HeadWins, Winner::Ours),
            RowPolicy::BranchWins => (Policy::BranchWins, Winner::Theirs),
            RowPolicy::Park => (Policy::Park, Winner::Parked),
        })
    }

    fn as_whole(&self, column: usize, policy: Policy, winner: Winner) -> Decided<'a> {
        let row = if winner == Winner::Theirs {
            self.theirs
        } else {
            self.ours
        };
        let decision = self.differ(column).then_some(ColumnDecision {
            column,
            policy,
            instead_of: None,
            winner,
        });
        (row[column].map(Cow::Borrowed), decision)
    }

    fn column<V: Values>(&self, column: usize, policy: Policy, values: &V) -> Decided<'a> {
        let (ours, theirs) = (self.ours[column], self.theirs[column]);
        // An insert that finds the very same value is no second change, so there is nothing to add up.
        let same_counts = policy == Policy::Sum && self.base.is_some();
        if !self.theirs_changed(column) || (!self.differ(column) && !same_counts) {
            return (ours.map(Cow::Borrowed), None);
        }
        if !self.ours_changed(column) {
            return (theirs.map(Cow::Borrowed), None);
        }
        let (policy, instead_of, made) = match self.made(column, policy, values) {
            Ok(made) => (policy, None, made),
            Err(NotPossible) => (Policy::LastUpdateWins, Some(policy), None),
        };
        if instead_of.is_some() && !self.differ(column) {
            return (ours.map(Cow::Borrowed), None);
        }
        let (winner, value) = match made {
            Some(value) => (Winner::Both, Some(Cow::Owned(value))),
            None => {
                let winner = self.winner(column, policy, values);
                let value = if winner == Winner::Theirs {
                    theirs
                } else {
                    ours
                };
                (winner, value.map(Cow::Borrowed))
            }
        };
        let decision = ColumnDecision {
            column,
            policy,
            instead_of,
            winner,
        };
        (value, Some(decision))
    }

    /// The value that is made of both, where the policy makes one. SQL NULL has no arithmetic.
    fn made<V: Values>(
        &self,
        column: usize,
        policy: Policy,
        values: &V,
    ) -> Result<Option<String>, NotPossible> {
        if !policy.merges_by_itself() {
            return Ok(None);
        }
        let ours = self.ours[column].ok_or(NotPossible)?;
        let theirs = self.theirs[column].ok_or(NotPossible)?;
        let base = self.base.and_then(|base| base[column]);
        match policy {
            Policy::Sum => values.sum(column, ours, theirs, base).map(Some),
            Policy::Union => values.union(column, ours, theirs, base).map(Some),
            _ => values.compare(column, ours, theirs).map(|_| None),
        }
    }

    fn winner<V: Values>(&self, column: usize, policy: Policy, values: &V) -> Winner {
        let order = || {
            let (ours, theirs) = (self.ours[column]?, self.theirs[column]?);
            values.compare(column, ours, theirs).ok()
        };
        match policy {
            Policy::HeadWins => Winner::Ours,
            Policy::BranchWins => Winner::Theirs,
            Policy::Park => Winner::Parked,
            // Equal by the type's order but not by text: ours stays.
            Policy::Max => side(order() == Some(Ordering::Less)),
            Policy::Min => side(order() == Some(Ordering::Greater)),
            Policy::LastUpdateWins | Policy::Sum | Policy::Union => {
                side(self.theirs_later([column]))
            }
        }
    }
}

type Decided<'a> = (Option<Cow<'a, str>>, Option<ColumnDecision>);

const fn side(theirs: bool) -> Winner {
    if theirs { Winner::Theirs } else { Winner::Ours }
}
