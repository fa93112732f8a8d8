//! Reading a whole table without SQL.

use crate::pg::ffi;
use crate::pg::tuple::Tuple;
use core::ops::ControlFlow;
use pgrx::pg_sys::{self, Oid};

/// Shows each row of `relation`, a table with rows of its own, to `look`: all that is committed and
/// what this transaction has written.
pub(crate) fn each_row(relation: Oid, mut look: impl FnMut(&Tuple<'_>)) {
    let _ = rows_until(relation, |row| {
        look(row);
        ControlFlow::Continue(())
    });
}

/// Whether such a table has a row for which that holds.
pub(crate) fn has_row(relation: Oid, mut holds: impl FnMut(&Tuple<'_>) -> bool) -> bool {
    rows_until(relation, |row| match holds(row) {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    })
    .is_break()
}

fn rows_until(
    relation: Oid,
    mut look: impl FnMut(&Tuple<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    // SAFETY: opened, scanned and closed here (an error's abort closes what is left open); a tuple
    // lives until the next is fetched, and its values in the arrays as long.
    unsafe {
        let opened = pg_sys::table_open(relation, pg_sys::AccessShareLock as pg_sys::LOCKMODE);
        let descriptor = (*opened).rd_att;
        let columns = (*descriptor).natts.max(0) as usize;
        let mut values = vec![pg_sys::Datum::from(0); columns];
        let mut nulls = vec![false; columns];
        let snapshot = pg_sys::RegisterSnapshot(pg_sys::GetLatestSnapshot());
        let scan = pg_sys::systable_beginscan(
            opened,
            pg_sys::InvalidOid,
            false,
            snapshot,
            0,
            core::ptr::null_mut(),
        );
        let mut flow = ControlFlow::Continue(());
        while flow.is_continue() {
            let row = ffi::guarded(|| pg_sys::systable_getnext(scan));
            if row.is_null() {
                break;
            }
            pg_sys::heap_deform_tuple(row, descriptor, values.as_mut_ptr(), nulls.as_mut_ptr());
            flow = look(&Tuple::of_arrays(&values, &nulls));
        }
        pg_sys::systable_endscan(scan);
        pg_sys::UnregisterSnapshot(snapshot);
        pg_sys::table_close(opened, pg_sys::NoLock as pg_sys::LOCKMODE);
        flow
    }
}
