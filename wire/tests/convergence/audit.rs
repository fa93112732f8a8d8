//! What must be true of every decision: the right side wins, and what lost is written down.

use crate::log::{Author, NAMES};
use crate::story::table::{Op, Row, Table};
use crate::story::written::Written;
use crate::unseen::Truth;
use officesync_wire::merge::{Conflict, Kind, Policy, Winner};

pub(crate) struct Audit {
    pub(crate) ledger: Vec<Conflict>,
    pub(crate) written: Written,
    /// A rule to break: what lost is not written down.
    forgets: bool,
}

impl Audit {
    pub(crate) fn new(rows: &Table, forgets: bool) -> Self {
        Self {
            ledger: Vec::new(),
            written: Written::new(rows),
            forgets,
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
            self.written.parked(key);
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
                self.written.explain(&row, |at| {
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
