//! Which office a row of a scoped table is for, and which rows a branch may write.
//!
//! At the head every row that is captured goes to the office that its branch column names, and to no other. A branch
//! has its own rows only, so what it captures needs no address; it may not write any others.

use super::layout::Layout;
use super::path::Path;
use crate::office::{self, Office, Role};
use crate::pg::catalog;
use crate::pg::tuple::Tuple;
use crate::refuse::refuse;
use crate::transaction;
use pgrx::PgSqlErrorCode;
use std::rc::Rc;

/// For whom a row is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    All,
    Office(String),
    /// It stays at the head: its column is NULL, or what no office can be called.
    Nobody,
}

impl Audience {
    /// Of a row that belongs to the office of that name, if it is one.
    pub(super) fn named(name: Option<&str>) -> Self {
        match name {
            Some(name) if is_office(name) && name != office::this().name => {
                Self::Office(name.to_owned())
            }
            _ => Self::Nobody,
        }
    }
}

/// How the rows of a table are shared out.
pub(super) struct Scope {
    here: Rc<Office>,
    kind: Kind,
}

enum Kind {
    Column {
        /// The branch column, as a place among the layout's columns.
        place: usize,
        /// Whether rows without an office are for all: those of the ledger.
        null_is_all: bool,
    },
    Path {
        /// The columns of its foreign key.
        places: Vec<usize>,
        /// At the head.
        path: Option<Path>,
    },
}

/// Which side of a change a row is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Old,
    New,
}

impl Scope {
    /// What the arguments of the capture trigger say; None where every row is for all.
    pub(super) fn of(table: &catalog::Table) -> Option<Self> {
        let [direction, kind, names @ ..] = table.arguments.as_slice() else {
            return None;
        };
        let here = office::this();
        let kind = match kind.as_str() {
            "column" => Kind::Column {
                place: *places(table, names).first()?,
                null_is_all: direction == "ledger",
            },
            "path" => {
                let path = (here.role == Role::Head)
                    .then(|| Path::of(table.root))
                    .flatten();
                let names = path.as_ref().map_or(names, |path| &path.columns);
                Kind::Path {
                    places: places(table, names),
                    path,
                }
            }
            _ => return None,
        };
        Some(Self { here, kind })
    }

    pub(super) fn is_of_branch(&self) -> bool {
        self.here.role == Role::Branch
    }

    /// For whom a row is that is captured at the head.
    pub(super) fn audience(&self, layout: &Layout, row: &Tuple<'_>, side: Side) -> Audience {
        match &self.kind {
            Kind::Column { place, null_is_all } => match layout.value_text(*place, row) {
                None if *null_is_all => Audience::All,
                text => Audience::named(text.as_deref()),
            },
            Kind::Path { places, .. } if layout.has_null(places, row) => Audience::Nobody,
            Kind::Path { places, path } => {
                let key = layout.array(places, row);
                let found = path.as_ref().map(|path| path.audience(&key));
                match (found, transaction::origin(), side) {
                    (None, _, _) => Audience::Nobody,
                    (Some(Some(audience)), _, _) => audience,
                    // Of a tick that is applied it is known whose rows they are.
                    (Some(None), Some(origin), _) => Audience::Office(origin),
                    (Some(None), None, Side::Old) => Audience::Nobody,
                    (Some(None), None, Side::New) => self.no_parent(layout, row),
                }
            }
        }
    }

    fn no_parent(&self, layout: &Layout, row: &Tuple<'_>) -> ! {
        refuse(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!(
                "the row that a row of table {} refers to is not there yet",
                layout.qualified_name()
            ),
            &format!(
                "Key: {}. That row tells to which branch this one goes.",
                layout.key_text(row)
            ),
            "Write the row that it refers to first.",
        )
    }

    /// Refuses a branch's user a row that is not the branch's own. By a foreign key it is: only the branch's own rows
    /// are there to be referred to.
    pub(super) fn check_own(&self, layout: &Layout, row: &Tuple<'_>, side: Side) {
        match &self.kind {
            Kind::Column { place, .. } => self.check_column(layout, row, side, *place),
            Kind::Path { places, .. } if side == Side::New && layout.has_null(places, row) => {
                refuse(
                    PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
                    format!(
                        "a row of table {} has to belong to office \"{}\"",
                        layout.qualified_name(),
                        self.here.name
                    ),
                    &format!(
                        "Key: {}. It refers to no row that tells to which office it belongs.",
                        layout.key_text(row)
                    ),
                    "Let it refer to a row of this office, or write it at the head.",
                )
            }
            Kind::Path { .. } => {}
        }
    }

    fn check_column(&self, layout: &Layout, row: &Tuple<'_>, side: Side, place: usize) {
        let found = layout.value_text(place, row);
        if found.as_ref() == Some(&self.here.name) {
            return;
        }
        let here = &self.here.name;
        let column = layout.column_name(place);
        let table = layout.qualified_name();
        let shown = found.as_deref().unwrap_or("NULL");
        let detail = format!(
            "Key: {}. Its column \"{column}\" is {shown}; this is the office \"{here}\".",
            layout.key_text(row)
        );
        let (message, hint) = match (side, found.is_some()) {
            (Side::Old, _) => (
                format!("a row of table {table} belongs to another office"),
                "Write it at the office it belongs to, or at the head.".to_owned(),
            ),
            (Side::New, true) => (
                format!("office \"{here}\" may not give a row of table {table} to another"),
                "A row changes hands at the head.".to_owned(),
            ),
            (Side::New, false) => (
                format!("a row of table {table} has to belong to office \"{here}\""),
                format!(
                    "Set its column \"{column}\" to '{here}'; a DEFAULT of the column at this office would do it."
                ),
            ),
        };
        refuse(
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            message,
            &detail,
            &hint,
        )
    }

    /// Refuses a branch's user to empty a table: there may be rows at the head that are not here.
    pub(super) fn check_truncate(&self, layout: &Layout) {
        if self.is_of_branch() {
            refuse(
                PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
                format!(
                    "table {} can't be truncated at a branch",
                    layout.qualified_name()
                ),
                &format!(
                    "Office \"{}\" has its own rows of it; a TRUNCATE would empty it everywhere.",
                    self.here.name
                ),
                "Use DELETE, or run TRUNCATE at the head.",
            )
        }
    }
}

/// Those columns, as places among the table's; an error where one is gone.
fn places(table: &catalog::Table, names: &[String]) -> Vec<usize> {
    let place = |name: &String| {
        let found = table.columns.iter().position(|column| column.name == *name);
        found.unwrap_or_else(|| {
            refuse(
                PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN,
                format!(
                    "table \"{}.{}\" has no column \"{name}\"",
                    table.schema, table.name
                ),
                "It is one that tells to which office a row belongs.",
                "Give the table that column again, or run officesync.untrack() on it.",
            )
        })
    };
    names.iter().map(place).collect()
}

/// Whether an office can be called so.
pub(crate) fn is_office(name: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    (1..=63).contains(&name.len()) && name.bytes().all(allowed)
}
