//! What comes out: what the head writes, what it tells the others, what it records.

use super::kind::Kind;
use super::rules::Policy;
use std::borrow::Cow;

/// What stands at the head after the merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing<'a> {
    /// What the branch sent: its new row, or no row.
    AsSent,
    /// What the head had: its row, or no row. Differs from what the branch sent.
    Ours,
    /// A row that is neither: to be written in the place of the head's.
    Row(Vec<Option<Cow<'a, str>>>),
}

/// The result of a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome<'a> {
    /// What stands.
    pub standing: Standing<'a>,
    /// Whether the head's row changes by it. If not, nothing is to be written.
    pub writes: bool,
    /// What to record. None where nothing was in conflict, also where columns merged quietly.
    pub conflict: Option<Conflict>,
}

impl Outcome<'_> {
    /// Whether the result differs from what the branch sent, so that the head's line is `merged`.
    pub const fn merged(&self) -> bool {
        !matches!(self.standing, Standing::AsSent)
    }
}

/// Whose value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Winner {
    /// The head's.
    Ours,
    /// The branch's.
    Theirs,
    /// A value made of both.
    Both,
    /// Not decided: the head's stays until a person decides.
    Parked,
}

/// How one column was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ColumnDecision {
    /// The column's index.
    pub column: usize,
    /// The policy that decided.
    pub policy: Policy,
    /// The column's own policy, where it was not possible for these values and another decided.
    pub instead_of: Option<Policy>,
    /// Whose value stands.
    pub winner: Winner,
}

impl ColumnDecision {
    /// Whether a value was given up that nobody asked to be merged away.
    pub const fn lost(&self) -> bool {
        !self.policy.merges_by_itself()
    }
}

/// A conflict, and how it was decided: with base, ours, theirs and the result it explains every difference
/// between what was written and what stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// What the change ran into.
    pub kind: Kind,
    /// The columns that were in conflict, in the order of the row, each with its decision. Also set where
    /// the row was decided as a whole: then they say which values differed.
    pub columns: Vec<ColumnDecision>,
    /// Who won, where the row was decided as a whole: rows against deletions, whole-row rules, parking.
    pub whole: Option<Winner>,
}

impl Conflict {
    /// Whether the change waits for a person; the head's row is as it was.
    pub fn parked(&self) -> bool {
        self.whole == Some(Winner::Parked)
    }

    /// Whether someone's write does not stand. False where all was merged as the policies ask.
    pub fn lost(&self) -> bool {
        self.whole.is_some() || self.columns.iter().any(ColumnDecision::lost)
    }

    pub(super) fn whole(kind: Kind, winner: Winner) -> Self {
        Self {
            kind,
            columns: Vec::new(),
            whole: Some(winner),
        }
    }
}
