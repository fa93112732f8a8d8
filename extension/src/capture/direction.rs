//! In which direction a table's changes travel, and who may write it.

use crate::office::{self, Role};
use crate::pg::catalog;
use crate::pg::trigger::Firing;
use crate::refuse::refuse;
use pgrx::PgSqlErrorCode;

/// The argument of the capture trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// Every office may write; everyone gets it.
    Both,
    /// Authored at the head, for all branches.
    Down,
    /// Authored at branches, collected at the head only.
    Up,
}

impl Direction {
    /// What CREATE TRIGGER was given; a trigger without a known argument goes both ways.
    pub(super) fn of(firing: &Firing<'_>) -> Self {
        match firing.argument().map(core::ffi::CStr::to_bytes) {
            Some(b"down") => Self::Down,
            Some(b"up") => Self::Up,
            _ => Self::Both,
        }
    }

    /// Refuses a write by a user at the side that does not author this table.
    #[inline]
    pub(super) fn check_local_write(self, firing: &Firing<'_>) {
        if self == Self::Both {
            return;
        }
        let office = office::this();
        let (author, remedy) = match (self, office.role) {
            (Self::Down, Role::Branch) => {
                ("at the head office", "Write it there; it will arrive here.")
            }
            (Self::Up, Role::Head) => (
                "at the branch offices",
                "Write it at a branch; it will arrive here.",
            ),
            _ => return,
        };
        let (schema, table) = catalog::name_of(firing.relation());
        refuse(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("table \"{schema}.{table}\" is authored {author}"),
            &format!("This is the office \"{}\".", office.name),
            remedy,
        )
    }
}
