//! What the owner of a table wants to happen to concurrent changes.

/// How a column that both sides changed is decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// The value that was committed later at its own office ([`super::Authored::later_than`]).
    #[default]
    LastUpdateWins,
    /// The head's present value, whoever wrote it.
    HeadWins,
    /// The value of the branch whose change arrives.
    BranchWins,
    /// Both changes are added up. Also where both sides wrote the same value: two sales of one item are two.
    Sum,
    /// The greater value.
    Max,
    /// The smaller value.
    Min,
    /// Both sides' elements or keys (arrays, jsonb objects).
    Union,
    /// Nobody decides yet: the whole change waits for a person, the head's row stays as it is.
    Park,
}

impl Policy {
    /// Every policy, in the order of the declaration.
    pub const ALL: [Self; 8] = [
        Self::LastUpdateWins,
        Self::HeadWins,
        Self::BranchWins,
        Self::Sum,
        Self::Max,
        Self::Min,
        Self::Union,
        Self::Park,
    ];

    /// The name that users give it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LastUpdateWins => "last_update_wins",
            Self::HeadWins => "head_wins",
            Self::BranchWins => "branch_wins",
            Self::Sum => "sum",
            Self::Max => "max",
            Self::Min => "min",
            Self::Union => "union",
            Self::Park => "park",
        }
    }

    /// Whether the result is made of both values, so that no side loses: the user asked for it.
    pub const fn merges_by_itself(self) -> bool {
        matches!(self, Self::Sum | Self::Max | Self::Min | Self::Union)
    }
}

/// How a row that was changed on both sides is decided where it is decided as a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum RowPolicy {
    /// The row that was committed later.
    #[default]
    LastUpdateWins,
    /// The head's present row.
    HeadWins,
    /// The row of the branch whose change arrives.
    BranchWins,
    /// The change waits for a person, the head's row stays as it is.
    Park,
}

/// Whether changes of different columns of a row are compatible.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Granularity {
    /// They are: only columns that both sides changed are in conflict.
    #[default]
    Columns,
    /// They are not: where both sides changed the row, it goes to one of them as a whole. Columns whose
    /// policy merges by itself still do; the other columns' policies are not looked at.
    Rows(RowPolicy),
}

/// What happens where one side deleted a row and the other changed it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum DeletePolicy {
    /// Whatever was committed later.
    #[default]
    LaterWins,
    /// The row stays, or comes back.
    UpdateWins,
    /// The row goes, or stays away.
    DeleteWins,
    /// The change waits for a person, the head's row (or its absence) stays as it is.
    Park,
}

impl DeletePolicy {
    /// Every policy, in the order of the declaration.
    pub const ALL: [Self; 4] = [
        Self::LaterWins,
        Self::UpdateWins,
        Self::DeleteWins,
        Self::Park,
    ];

    /// The name that users give it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LaterWins => "later_wins",
            Self::UpdateWins => "update_wins",
            Self::DeleteWins => "delete_wins",
            Self::Park => "park",
        }
    }
}

/// The rules of one table.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// One policy a column, in the order of the rows' values.
    pub columns: &'a [Policy],
    /// Whether columns or whole rows are in conflict.
    pub granularity: Granularity,
    /// What happens between a deletion and a change.
    pub delete: DeletePolicy,
}
