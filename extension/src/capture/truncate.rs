//! TRUNCATE: of a tracked table one change, of some of its partitions the rows they held.
//!
//! The other offices may be partitioned differently, so that there a partition means nothing. Its
//! rows are captured before they are gone, unless the whole table is truncated by the same statement:
//! whose BEFORE trigger then has fired first.

use super::{layout, rows};
use crate::pg::trigger::Firing;
use crate::pg::xact;
use crate::transaction;
use pgrx::pg_sys::Oid;
use std::cell::RefCell;

thread_local! {
    /// The partitioned tables that a running TRUNCATE empties.
    static EMPTIED: RefCell<Vec<Oid>> = const { RefCell::new(Vec::new()) };
}

/// Captures one firing of the trigger `officesync_truncate`.
pub(super) fn capture(firing: &Firing<'_>) {
    let relation = firing.relation();
    let mut table = relation;
    layout::with(relation, firing.function(), |layout| {
        table = layout.table;
        if table == relation && !firing.is_before() {
            layout.check_truncate();
            EMPTIED.with_borrow_mut(|emptied| emptied.retain(|known| *known != table));
            transaction::with_buffer(|buffer| layout.truncate(buffer, xact::nest_level()));
        }
    });
    if !firing.is_before() {
        return;
    }
    if table == relation {
        EMPTIED.with_borrow_mut(|emptied| emptied.push(table));
    } else if !EMPTIED.with_borrow(|emptied| emptied.contains(&table)) {
        rows::all_rows(relation, table, true);
    }
}

/// A statement was undone, or the transaction is over.
pub(crate) fn forget() {
    EMPTIED.with_borrow_mut(Vec::clear);
}
