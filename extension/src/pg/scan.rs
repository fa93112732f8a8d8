//! Reading tables without SQL.
//!
//! A planned statement costs more to begin than a few rows cost to read.

use crate::pg::ffi;
use crate::pg::tuple::Tuple;
use core::ops::ControlFlow;
use pgrx::pg_sys::{self, Datum, Oid};

/// What the first column of a table's index must be like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Condition {
    /// The B-tree strategy.
    pub(super) strategy: u32,
    /// The function that compares the column with the value.
    pub(super) function: u32,
    pub(super) value: u64,
}

/// Shows each row of `relation`, a table with rows of its own, to `look`: all that is committed and
/// what this transaction has written.
pub(crate) fn each_row(relation: Oid, mut look: impl FnMut(&Tuple<'_>)) {
    let _ = rows_until(relation, &[], |row| {
        look(row);
        ControlFlow::Continue(())
    });
}

/// Whether such a table has a row for which that holds.
pub(crate) fn has_row(relation: Oid, mut holds: impl FnMut(&Tuple<'_>) -> bool) -> bool {
    rows_until(relation, &[], |row| match holds(row) {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    })
    .is_break()
}

/// Shows the rows that fulfil the conditions, found by the only index of the table, until `look` breaks off; without
/// conditions all rows.
pub(crate) fn rows_until(
    relation: Oid,
    conditions: &[Condition],
    mut look: impl FnMut(&Tuple<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    // SAFETY: opened, scanned and closed here (an error's abort closes what is left open). The conditions' functions
    // are those of the index's operator class.
    unsafe {
        let opened = pg_sys::table_open(relation, pg_sys::AccessShareLock as pg_sys::LOCKMODE);
        if pg_sys::RelationGetNumberOfBlocksInFork(opened, pg_sys::ForkNumber::MAIN_FORKNUM) == 0 {
            pg_sys::table_close(opened, pg_sys::NoLock as pg_sys::LOCKMODE);
            return ControlFlow::Continue(());
        }
        let mut keys: Vec<pg_sys::ScanKeyData> = conditions.iter().map(key).collect();
        let index = if keys.is_empty() {
            pg_sys::InvalidOid
        } else {
            only_index(opened)
        };
        let snapshot = pg_sys::RegisterSnapshot(pg_sys::GetLatestSnapshot());
        let scan = pg_sys::systable_beginscan(
            opened,
            index,
            !keys.is_empty(),
            snapshot,
            keys.len() as i32,
            keys.as_mut_ptr(),
        );
        let flow = show((*opened).rd_att, &mut look, || {
            pg_sys::systable_getnext(scan)
        });
        pg_sys::systable_endscan(scan);
        pg_sys::UnregisterSnapshot(snapshot);
        pg_sys::table_close(opened, pg_sys::NoLock as pg_sys::LOCKMODE);
        flow
    }
}

/// Shows the row that is the last one by the only index of a table, of those that the next statement of this transaction
/// would see.
pub(crate) fn last_row<R>(relation: Oid, look: impl FnOnce(&Tuple<'_>) -> R) -> Option<R> {
    let mut look = Some(look);
    let mut seen = None;
    // SAFETY: as above, and for the index.
    unsafe {
        let opened = pg_sys::table_open(relation, pg_sys::AccessShareLock as pg_sys::LOCKMODE);
        let index = pg_sys::index_open(
            only_index(opened),
            pg_sys::AccessShareLock as pg_sys::LOCKMODE,
        );
        let snapshot = pg_sys::RegisterSnapshot(pg_sys::GetTransactionSnapshot());
        let none = core::ptr::null_mut();
        let scan = pg_sys::systable_beginscan_ordered(opened, index, snapshot, 0, none);
        let backward = pg_sys::ScanDirection::BackwardScanDirection;
        let mut take = |row: &Tuple<'_>| {
            seen = look.take().map(|look| look(row));
            ControlFlow::Break(())
        };
        let _ = show((*opened).rd_att, &mut take, || {
            pg_sys::systable_getnext_ordered(scan, backward)
        });
        pg_sys::systable_endscan_ordered(scan);
        pg_sys::UnregisterSnapshot(snapshot);
        pg_sys::index_close(index, pg_sys::NoLock as pg_sys::LOCKMODE);
        pg_sys::table_close(opened, pg_sys::NoLock as pg_sys::LOCKMODE);
    }
    seen
}

/// Shows the rows that `next` fetches.
///
/// # Safety
/// They must be rows of that description; each lives until the next is fetched, and its values in the arrays as long.
unsafe fn show(
    descriptor: pg_sys::TupleDesc,
    look: &mut impl FnMut(&Tuple<'_>) -> ControlFlow<()>,
    mut next: impl FnMut() -> pg_sys::HeapTuple,
) -> ControlFlow<()> {
    // SAFETY: as promised; the arrays have an entry for each column.
    unsafe {
        let columns = (*descriptor).natts.max(0) as usize;
        let mut values = vec![Datum::from(0); columns];
        let mut nulls = vec![false; columns];
        let mut flow = ControlFlow::Continue(());
        while flow.is_continue() {
            let row = ffi::guarded(&mut next);
            if row.is_null() {
                break;
            }
            pg_sys::heap_deform_tuple(row, descriptor, values.as_mut_ptr(), nulls.as_mut_ptr());
            flow = look(&Tuple::of_arrays(&values, &nulls));
        }
        flow
    }
}

fn key(condition: &Condition) -> pg_sys::ScanKeyData {
    // SAFETY: all of it is set by ScanKeyInit.
    unsafe {
        let mut key = core::mem::zeroed::<pg_sys::ScanKeyData>();
        let strategy = condition.strategy as pg_sys::StrategyNumber;
        let (function, value) = (Oid::from(condition.function), Datum::from(condition.value));
        pg_sys::ScanKeyInit(&mut key, 1, strategy, function, value);
        key
    }
}

/// # Safety
/// `table` must be open.
unsafe fn only_index(table: pg_sys::Relation) -> Oid {
    // SAFETY: the list is a copy of ours.
    unsafe {
        let indexes = pg_sys::RelationGetIndexList(table);
        let index = if indexes.is_null() {
            pg_sys::InvalidOid
        } else {
            pg_sys::list_nth_oid(indexes, 0)
        };
        pg_sys::list_free(indexes);
        index
    }
}
