//! Rows that are put into a table together.
//!
//! What COPY does (`CopyMultiInsertBufferFlush` in `src/backend/commands/copyfrom.c`): a page of the table is taken and
//! logged once for all rows that fit into it, and the indexes follow.

use super::ffi;
use pgrx::pg_sys;

/// How many rows are gathered, and how many bytes of text: COPY's bounds.
const ROWS: usize = 1000;
const BYTES: usize = 65_535;

/// Rows of one table on their way into it.
pub(super) struct MultiInsert {
    relation: pg_sys::Relation,
    slots: Vec<*mut pg_sys::TupleTableSlot>,
    filled: usize,
    bytes: usize,
    /// Where the rows' values live until they are written.
    pub(super) values: pg_sys::MemoryContext,
}

impl MultiInsert {
    /// # Safety
    /// `relation` must be open for as long as this is; `parent` must live longer.
    pub(super) unsafe fn open(relation: pg_sys::Relation, parent: pg_sys::MemoryContext) -> Self {
        // SAFETY: as promised.
        unsafe {
            Self {
                relation,
                slots: Vec::new(),
                filled: 0,
                bytes: 0,
                values: pg_sys::AllocSetContextCreateInternal(
                    parent,
                    c"officesync rows".as_ptr(),
                    pg_sys::ALLOCSET_DEFAULT_MINSIZE as usize,
                    pg_sys::ALLOCSET_DEFAULT_INITSIZE as usize,
                    pg_sys::ALLOCSET_DEFAULT_MAXSIZE as usize,
                ),
            }
        }
    }

    /// The slot for the next row, empty.
    ///
    /// # Safety
    /// The current memory context must live as long as this.
    pub(super) unsafe fn next(&mut self) -> *mut pg_sys::TupleTableSlot {
        if self.filled == self.slots.len() {
            // SAFETY: as promised.
            let slot = unsafe { pg_sys::table_slot_create(self.relation, core::ptr::null_mut()) };
            self.slots.push(slot);
        }
        self.filled += 1;
        self.slots[self.filled - 1]
    }

    /// Says how much text the row in the slot given last was; whether it is time to write.
    pub(super) fn is_full(&mut self, bytes: usize) -> bool {
        self.bytes += bytes;
        self.filled == ROWS || self.bytes > BYTES
    }

    /// Writes the rows into the table, and each of them into its indexes.
    ///
    /// # Safety
    /// The slots given must be filled. `target` must be of this table, its indexes open, and `state` of both.
    pub(super) unsafe fn write(
        &mut self,
        target: *mut pg_sys::ResultRelInfo,
        state: *mut pg_sys::EState,
    ) {
        if self.filled == 0 {
            return;
        }
        // SAFETY: as promised; behind a pointer pgrx guards nothing by itself.
        unsafe {
            let Some(multi_insert) = (*(*self.relation).rd_tableam).multi_insert else {
                pgrx::error!("officesync: the table's access method inserts no rows");
            };
            let count = self.filled as i32;
            let before = pg_sys::MemoryContextSwitchTo(self.values);
            let command = pg_sys::GetCurrentCommandId(true);
            ffi::guarded(|| {
                let nothing = core::ptr::null_mut();
                let slots = self.slots.as_mut_ptr();
                multi_insert(self.relation, slots, count, command, 0, nothing)
            });
            pg_sys::MemoryContextSwitchTo(before);
            for slot in &self.slots[..self.filled] {
                if (*target).ri_NumIndices > 0 {
                    index(target, *slot, state);
                    pg_sys::ReScanExprContext((*state).es_per_tuple_exprcontext);
                }
                pg_sys::ExecClearTuple(*slot);
            }
            pg_sys::MemoryContextReset(self.values);
        }
        (self.filled, self.bytes) = (0, 0);
    }

    /// Frees the slots; rows that are not written are dropped.
    ///
    /// # Safety
    /// The table must still be open.
    pub(super) unsafe fn close(self) {
        // SAFETY: they were made in `next`.
        unsafe {
            for slot in self.slots {
                pg_sys::ExecDropSingleTupleTableSlot(slot);
            }
            pg_sys::MemoryContextDelete(self.values);
        }
    }
}

/// # Safety
/// As for [`MultiInsert::write`]; `slot` must hold a row that is in the table.
unsafe fn index(
    target: *mut pg_sys::ResultRelInfo,
    slot: *mut pg_sys::TupleTableSlot,
    state: *mut pg_sys::EState,
) {
    let none = core::ptr::null_mut();
    // SAFETY: as promised. What is to be checked again later belongs to triggers, of which none fires here.
    unsafe {
        pg_sys::ExecInsertIndexTuples(
            target,
            slot,
            state,
            false,
            false,
            none,
            core::ptr::null_mut(),
            #[cfg(any(feature = "pg16", feature = "pg17", feature = "pg18"))]
            false,
        );
    }
}
