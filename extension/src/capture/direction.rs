//! In which direction a table's changes travel, and who may write it.

use crate::office::{self, Role};
use crate::pg::catalog;
use crate::pg::trigger::Firing;
use crate::refuse::refuse;
use pgrx::PgSqlErrorCode;
use pgrx::pg_sys::Oid;

/// The argument of the capture trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// Every office may write; everyone gets it.
    Both,
    /// Authored at the head, for all branches.
    Down,
    /// Authored at branches, collected at the head only.
    Up,
    /// Written at the head, also in the transactions that apply what branches sent; for all branches.
    Ledger,
    /// Being loaded from the head: nobody here may write it yet.
    Load,
}

impl Direction {
    /// What CREATE TRIGGER was given; a trigger without a known argument goes both ways.
    pub(super) fn of(firing: &Firing<'_>) -> Self {
        firing
            .argument()
            .map_or(Self::Both, |name| Self::named(name.to_bytes()))
    }

    /// By its name in SQL.
    pub(super) fn named(name: &[u8]) -> Self {
        match name {
            b"down" => Self::Down,
            b"up" => Self::Up,
            b"ledger" => Self::Ledger,
            b"load" => Self::Load,
            _ => Self::Both,
        }
    }

    /// Refuses a write by a user at the side that does not author this table.
    #[inline]
    pub(super) fn check_local_write(self, relation: Oid) {
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
            (Self::Load, _) => ("", ""),
            _ => return,
        };
        let (schema, table) = catalog::name_of(relation);
        if self == Self::Load {
            refuse(
                PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("table \"{schema}.{table}\" is being loaded from the head office"),
                &format!("The office \"{}\" has not joined yet.", office.name),
                "Wait until it has: SELECT * FROM officesync.loads.",
            )
        }
        refuse(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("table \"{schema}.{table}\" is authored {author}"),
            &format!("This is the office \"{}\".", office.name),
            remedy,
        )
    }
}
