//! Finding rows by a unique index, one after another.
//!
//! What `RelationFindReplTupleByIndex` does (`src/backend/executor/execReplication.c`), except that the index
//! is opened and its operators are looked up once, and not for each row.

use super::ffi;
use super::neighbour::Neighbour;
use pgrx::pg_sys::{self, Oid};

/// An open scan of a unique btree index.
pub(super) struct Lookup {
    table: pg_sys::Relation,
    pub(super) index: Oid,
    relation: pg_sys::Relation,
    scan: pg_sys::IndexScanDesc,
    keys: Vec<pg_sys::ScanKeyData>,
    /// Which columns of the table the keys are, counted from 0.
    columns: Vec<usize>,
    /// Sees what other transactions have not committed yet, to wait for it.
    dirty: Box<pg_sys::SnapshotData>,
    neighbour: Neighbour,
}

/// How a row that was found could be locked.
enum Locked {
    Yes,
    /// It was changed meanwhile: look again.
    Again,
}

impl Lookup {
    /// # Safety
    /// `table` must be open for as long as this is, and `index` be a unique btree index of it over plain
    /// columns. The current memory context must live as long.
    pub(super) unsafe fn open(table: pg_sys::Relation, index: Oid) -> Self {
        // SAFETY: closed in `close`, or by an abort; the arrays have as many entries as the index key columns.
        unsafe {
            let relation = pg_sys::index_open(index, pg_sys::RowExclusiveLock as pg_sys::LOCKMODE);
            let form = &*(*relation).rd_index;
            let count = form.indnkeyatts.max(0) as usize;
            let columns = form.indkey.values.as_slice(count).iter();
            let columns = columns.map(|number| (*number - 1) as usize).collect();
            let keys = (0..count).map(|nth| equality(relation, nth)).collect();
            let mut dirty = Box::new(core::mem::zeroed::<pg_sys::SnapshotData>());
            dirty.snapshot_type = pg_sys::SnapshotType::SNAPSHOT_DIRTY;
            let scan = begin_scan(table, relation, &mut *dirty, count as i32);
            Self {
                table,
                index,
                relation,
                scan,
                keys,
                columns,
                dirty,
                neighbour: Neighbour::of(table),
            }
        }
    }

    /// Puts the row with the key that `key` has into `found`, locked; false when there is none.
    ///
    /// # Safety
    /// `key` must be a filled slot of the table, `found` one for its rows. The current memory context must
    /// live as long as this.
    pub(super) unsafe fn find(
        &mut self,
        key: *mut pg_sys::TupleTableSlot,
        found: *mut pg_sys::TupleTableSlot,
    ) -> bool {
        // SAFETY: as promised.
        unsafe {
            let is_null = |column: &usize| *(*key).tts_isnull.add(*column);
            if self.columns.iter().any(is_null) {
                return false;
            }
            let neighbour = &self.neighbour;
            let is_next = neighbour.fetch(key, &self.columns, &mut self.dirty, found)
                && matches!(self.lock(found), Locked::Yes);
            let is_found = is_next || self.find_by_index(key, found);
            if is_found {
                self.neighbour.found_at((*found).tts_tid);
            }
            is_found
        }
    }

    /// # Safety
    /// As for [`Lookup::find`]; no column of the key may be null.
    unsafe fn find_by_index(
        &mut self,
        key: *mut pg_sys::TupleTableSlot,
        found: *mut pg_sys::TupleTableSlot,
    ) -> bool {
        // SAFETY: as promised; the keys point to values of `key` while the scan runs.
        unsafe {
            for (scan_key, column) in self.keys.iter_mut().zip(&self.columns) {
                scan_key.sk_argument = *(*key).tts_values.add(*column);
            }
            loop {
                let count = self.keys.len() as i32;
                let none = core::ptr::null_mut();
                pg_sys::index_rescan(self.scan, self.keys.as_mut_ptr(), count, none, 0);
                let forward = pg_sys::ScanDirection::ForwardScanDirection;
                if !pg_sys::index_getnext_slot(self.scan, forward, found) {
                    return false;
                }
                materialize(found);
                // Someone is writing it: what becomes of it is known when that transaction ends.
                let writer = if self.dirty.xmin == pg_sys::InvalidTransactionId {
                    self.dirty.xmax
                } else {
                    self.dirty.xmin
                };
                if writer != pg_sys::InvalidTransactionId {
                    let nothing = core::ptr::null_mut();
                    let waiting = pg_sys::XLTW_Oper::XLTW_None;
                    pg_sys::XactLockTableWait(writer, nothing, core::ptr::null_mut(), waiting);
                    continue;
                }
                if matches!(self.lock(found), Locked::Yes) {
                    return true;
                }
            }
        }
    }

    /// # Safety
    /// `found` must hold a row of the table.
    unsafe fn lock(&self, found: *mut pg_sys::TupleTableSlot) -> Locked {
        // SAFETY: as promised; the access method locks the row at the slot's place and fills the slot anew.
        unsafe {
            let Some(tuple_lock) = (*(*self.table).rd_tableam).tuple_lock else {
                pgrx::error!("officesync: the table's access method locks no rows");
            };
            let mut place = (*found).tts_tid;
            let mut failure = pg_sys::TM_FailureData::default();
            pg_sys::PushActiveSnapshot(pg_sys::GetLatestSnapshot());
            let (snapshot, command) = (
                pg_sys::GetLatestSnapshot(),
                pg_sys::GetCurrentCommandId(false),
            );
            // It may end in a deadlock; behind a pointer pgrx guards nothing by itself.
            let result = ffi::guarded(|| {
                tuple_lock(
                    self.table,
                    &mut place,
                    snapshot,
                    found,
                    command,
                    pg_sys::LockTupleMode::LockTupleExclusive,
                    pg_sys::LockWaitPolicy::LockWaitBlock,
                    0,
                    &mut failure,
                )
            });
            pg_sys::PopActiveSnapshot();
            match result {
                pg_sys::TM_Result::TM_Ok => Locked::Yes,
                // Written by the running command of this transaction: by the next one it can be seen.
                pg_sys::TM_Result::TM_Invisible => {
                    pg_sys::CommandCounterIncrement();
                    Locked::Again
                }
                pg_sys::TM_Result::TM_Updated | pg_sys::TM_Result::TM_Deleted => Locked::Again,
                other => pgrx::error!("officesync: a row could not be locked ({other})"),
            }
        }
    }

    /// # Safety
    /// The table must still be open.
    pub(super) unsafe fn close(self) {
        // SAFETY: opened in `open`; the lock stays to the end of the transaction.
        unsafe {
            pg_sys::index_endscan(self.scan);
            pg_sys::index_close(self.relation, pg_sys::NoLock as pg_sys::LOCKMODE);
        }
    }
}

/// The condition that a key column equals a value yet to be put in.
///
/// # Safety
/// `index` must be an open btree index with more than `nth` key columns.
unsafe fn equality(index: pg_sys::Relation, nth: usize) -> pg_sys::ScanKeyData {
    const EQUAL: i16 = pg_sys::BTEqualStrategyNumber as i16;
    // SAFETY: the index' description has an entry for each key column.
    unsafe {
        let family = *(*index).rd_opfamily.add(nth);
        let input = *(*index).rd_opcintype.add(nth);
        let operator = pg_sys::get_opfamily_member(family, input, input, EQUAL);
        let mut key = core::mem::zeroed::<pg_sys::ScanKeyData>();
        pg_sys::ScanKeyInit(
            &mut key,
            nth as pg_sys::AttrNumber + 1,
            EQUAL as pg_sys::StrategyNumber,
            pg_sys::get_opcode(operator),
            pg_sys::Datum::from(0),
        );
        key.sk_collation = *(*index).rd_indcollation.add(nth);
        key
    }
}

/// Gives the slot a copy of its own, as `ExecMaterializeSlot` does.
///
/// # Safety
/// `slot` must be filled.
unsafe fn materialize(slot: *mut pg_sys::TupleTableSlot) {
    // SAFETY: every kind of slot has this operation.
    unsafe {
        if let Some(materialize) = (*(*slot).tts_ops).materialize {
            ffi::guarded(|| materialize(slot));
        }
    }
}

/// # Safety
/// All must live as long as the scan.
#[cfg(not(feature = "pg18"))]
unsafe fn begin_scan(
    table: pg_sys::Relation,
    index: pg_sys::Relation,
    snapshot: pg_sys::Snapshot,
    keys: i32,
) -> pg_sys::IndexScanDesc {
    // SAFETY: as promised.
    unsafe { pg_sys::index_beginscan(table, index, snapshot, keys, 0) }
}

/// # Safety
/// All must live as long as the scan.
#[cfg(feature = "pg18")]
unsafe fn begin_scan(
    table: pg_sys::Relation,
    index: pg_sys::Relation,
    snapshot: pg_sys::Snapshot,
    keys: i32,
) -> pg_sys::IndexScanDesc {
    // SAFETY: as promised.
    unsafe { pg_sys::index_beginscan(table, index, snapshot, core::ptr::null_mut(), keys, 0) }
}
