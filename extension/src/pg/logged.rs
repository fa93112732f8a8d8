//! Reading rows of the outbox by their transactions' ids, without SQL.
//!
//! Planned statements over three partitions cost more to begin than a small batch costs to read.

use crate::pg::catalog;
use crate::pg::ffi;
use crate::pg::tuple::{self, Tuple};
use core::ops::ControlFlow;
use pgrx::pg_sys::{self, Datum, Oid};

/// Which transactions.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Transactions {
    One(u64),
    /// From the first to before the second.
    Range(u64, u64),
    /// This one and all with larger ids.
    From(u64),
}

/// A row of the outbox, valid while it is looked at.
pub(crate) struct Logged<'a>(Tuple<'a>);

impl Logged<'_> {
    /// The id of its transaction.
    pub(crate) fn transaction(&self) -> u64 {
        self.0.number(0).unwrap_or_default() as u64
    }

    pub(crate) fn chunk(&self) -> i32 {
        self.0.value(1).map_or(0, |datum| datum.value() as i32)
    }

    /// The transaction's number, on its last chunk.
    pub(crate) fn sequence(&self) -> Option<i64> {
        self.0.number(2)
    }

    pub(crate) fn changes(&self) -> i64 {
        let changes = self.0.value(3);
        changes.map_or(0, |datum| i64::from(datum.value() as i32))
    }

    pub(crate) fn is_compressed(&self) -> bool {
        self.0
            .value(4)
            .is_some_and(|datum| datum.value() as u8 != 0)
    }

    /// How long the body is; it need not be fetched for that.
    pub(crate) fn body_bytes(&self) -> usize {
        self.0
            .unfolded_bytes(core::iter::once(6))
            .saturating_sub(pg_sys::VARHDRSZ)
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        self.0.value(6).map_or_else(Vec::new, bytes)
    }

    /// The only office it is for.
    pub(crate) fn target(&self) -> Option<Vec<u8>> {
        self.0.value(7).map(bytes)
    }
}

/// The bytes of a varlena.
fn bytes(datum: Datum) -> Vec<u8> {
    // SAFETY: the columns asked for are of type bytea or text; a copy that was made of one stored elsewhere is freed.
    unsafe {
        let stored = datum.cast_mut_ptr::<pg_sys::varlena>();
        let whole = pg_sys::pg_detoast_datum_packed(stored);
        let bytes = tuple::plain(Datum::from(whole)).map_or_else(Vec::new, <[u8]>::to_vec);
        if whole != stored {
            pg_sys::pfree(whole.cast());
        }
        bytes
    }
}

/// Shows the committed rows of these transactions, and our own, to `look`, until it breaks off.
pub(crate) fn each(
    transactions: Transactions,
    mut look: impl FnMut(&Logged<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    [c"outbox_0", c"outbox_1", c"outbox_2"]
        .into_iter()
        .filter_map(catalog::own_relation)
        .try_for_each(|table| each_of(table, transactions, &mut look))
}

fn each_of(
    table: Oid,
    transactions: Transactions,
    look: &mut impl FnMut(&Logged<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    const EQUAL: (u32, u32) = (pg_sys::BTEqualStrategyNumber, pg_sys::F_XID8EQ);
    const AT_LEAST: (u32, u32) = (pg_sys::BTGreaterEqualStrategyNumber, pg_sys::F_XID8GE);
    const BELOW: (u32, u32) = (pg_sys::BTLessStrategyNumber, pg_sys::F_XID8LT);
    let conditions = match transactions {
        Transactions::One(id) => [Some((EQUAL, id)), None],
        Transactions::Range(from, to) => [Some((AT_LEAST, from)), Some((BELOW, to))],
        Transactions::From(from) => [Some((AT_LEAST, from)), None],
    };
    // SAFETY: as in `scan`: opened, scanned and closed here, a tuple lives until the next is fetched. The table's only
    // index begins with its first column, of type xid8, whose functions those are.
    unsafe {
        let opened = pg_sys::table_open(table, pg_sys::AccessShareLock as pg_sys::LOCKMODE);
        let mut keys = Vec::with_capacity(2);
        for ((strategy, function), id) in conditions.into_iter().flatten() {
            let mut key = core::mem::zeroed::<pg_sys::ScanKeyData>();
            let (strategy, id) = (strategy as pg_sys::StrategyNumber, Datum::from(id));
            pg_sys::ScanKeyInit(&mut key, 1, strategy, Oid::from(function), id);
            keys.push(key);
        }
        let descriptor = (*opened).rd_att;
        let columns = (*descriptor).natts.max(0) as usize;
        let mut values = vec![Datum::from(0); columns];
        let mut nulls = vec![false; columns];
        let snapshot = pg_sys::RegisterSnapshot(pg_sys::GetLatestSnapshot());
        let scan = pg_sys::systable_beginscan(
            opened,
            only_index(opened),
            true,
            snapshot,
            keys.len() as i32,
            keys.as_mut_ptr(),
        );
        let mut flow = ControlFlow::Continue(());
        while flow.is_continue() {
            let row = ffi::guarded(|| pg_sys::systable_getnext(scan));
            if row.is_null() {
                break;
            }
            pg_sys::heap_deform_tuple(row, descriptor, values.as_mut_ptr(), nulls.as_mut_ptr());
            flow = look(&Logged(Tuple::of_arrays(&values, &nulls)));
        }
        pg_sys::systable_endscan(scan);
        pg_sys::UnregisterSnapshot(snapshot);
        pg_sys::table_close(opened, pg_sys::NoLock as pg_sys::LOCKMODE);
        flow
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
