//! The kinds of conflict, by PostgreSQL's names.

use std::fmt;
use std::str::FromStr;

/// What a change ran into at the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An insert found a row under its key.
    InsertExists,
    /// An update found a row that others had changed.
    UpdateOriginDiffers,
    /// An update found no row, and nobody is known to have deleted it.
    UpdateMissing,
    /// An update found that others had deleted the row.
    UpdateDeleted,
    /// A deletion (also by a TRUNCATE) found a row that others had changed.
    DeleteOriginDiffers,
    /// A deletion found no row: both sides deleted it. Nothing is lost.
    DeleteMissing,
    /// A change would take keys of other rows. From [`super::merge`] for a key change; else the database finds it.
    MultipleUniqueConflicts,
    /// A change refers to a row that is not there. The database finds it.
    ForeignKeyMissing,
    /// A value that the table's NOT NULL or CHECK does not admit. The database finds it.
    ConstraintViolated,
}

impl Kind {
    /// Every kind, in the order of the declaration.
    pub const ALL: [Self; 9] = [
        Self::InsertExists,
        Self::UpdateOriginDiffers,
        Self::UpdateMissing,
        Self::UpdateDeleted,
        Self::DeleteOriginDiffers,
        Self::DeleteMissing,
        Self::MultipleUniqueConflicts,
        Self::ForeignKeyMissing,
        Self::ConstraintViolated,
    ];

    /// The name in the ledger; PostgreSQL's where it has one.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InsertExists => "insert_exists",
            Self::UpdateOriginDiffers => "update_origin_differs",
            Self::UpdateMissing => "update_missing",
            Self::UpdateDeleted => "update_deleted",
            Self::DeleteOriginDiffers => "delete_origin_differs",
            Self::DeleteMissing => "delete_missing",
            Self::MultipleUniqueConflicts => "multiple_unique_conflicts",
            Self::ForeignKeyMissing => "foreign_key_missing",
            Self::ConstraintViolated => "constraint_violated",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// The text is not the name of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a kind of conflict")]
pub struct UnknownKind;

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or(UnknownKind)
    }
}
