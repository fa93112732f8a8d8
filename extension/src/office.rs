//! Which office this database is.

use crate::pg::{catalog, table};
use crate::refuse::refuse;
use core::cell::RefCell;
use pgrx::PgSqlErrorCode;
use std::rc::Rc;

/// What an office does in the company.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Head,
    Branch,
}

/// The identity that `officesync.set_office` gave this database.
pub(crate) struct Office {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) incarnation: String,
}

thread_local! {
    static KNOWN: RefCell<Option<Rc<Office>>> = const { RefCell::new(None) };
}

/// This office, read once a session.
pub(crate) fn this() -> Rc<Office> {
    if let Some(office) = KNOWN.with_borrow(Clone::clone) {
        return office;
    }
    let row = catalog::own_relation(c"office")
        .and_then(|office| table::first_row_texts(office, &[c"name", c"role", c"incarnation"]));
    let Some([name, role, incarnation]) = row.and_then(|row| <[String; 3]>::try_from(row).ok())
    else {
        refuse(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "officesync does not know which office this database is".into(),
            "The table officesync.office is empty.",
            "Run SELECT officesync.set_office('name', 'head') or ('name', 'branch') first.",
        )
    };
    let role = if role == "head" {
        Role::Head
    } else {
        Role::Branch
    };
    let office = Rc::new(Office {
        name,
        role,
        incarnation,
    });
    KNOWN.set(Some(Rc::clone(&office)));
    office
}

/// Whether this database is an office at all.
pub(crate) fn is_known() -> bool {
    KNOWN.with_borrow(Option::is_some)
        || catalog::own_relation(c"office")
            .and_then(|office| table::first_row_texts(office, &[c"name"]))
            .is_some()
}

/// Forgets what was read; called when a transaction rolls back, which may have set the office.
pub(crate) fn forget() {
    KNOWN.set(None);
}
