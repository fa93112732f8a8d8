//! The row behind the one that was found last.
//!
//! What a statement changed in the order of its table lies in much the same order at the other offices. To look at a
//! place costs a tenth of the way down a large index, and where the key is the one that is looked for, the row is too:
//! the key is unique.

use super::ffi;
use super::tuple::{Storage, Tuple};
use pgrx::itemptr::{item_pointer_get_both, item_pointer_set_all};
use pgrx::pg_sys::{self, BlockNumber, OffsetNumber};

/// How many places behind the last row are near; as many at the beginning of the next page.
const NEAR: OffsetNumber = 8;

/// Where in a table the last row was found.
pub(super) struct Neighbour {
    table: pg_sys::Relation,
    /// Only there does a place say something about the next one.
    is_heap: bool,
    last: (BlockNumber, OffsetNumber),
    /// Whether the last row stood near behind the one before it: else the next one would be looked for in vain.
    in_order: bool,
}

impl Neighbour {
    /// # Safety
    /// `table` must be open for as long as this is.
    pub(super) unsafe fn of(table: pg_sys::Relation) -> Self {
        // SAFETY: as promised; the heap's functions are one table of the server's.
        let is_heap = unsafe { (*table).rd_tableam == pg_sys::GetHeapamTableAmRoutine() };
        Self {
            table,
            is_heap,
            last: (0, 0),
            in_order: false,
        }
    }

    /// Says where a row was found, however that was.
    pub(super) fn found_at(&mut self, place: pg_sys::ItemPointerData) {
        let (block, offset) = item_pointer_get_both(place);
        let (last_block, last_offset) = self.last;
        self.in_order = match block.wrapping_sub(last_block) {
            0 => offset > last_offset && offset - last_offset <= NEAR,
            1 => offset <= NEAR,
            _ => false,
        };
        self.last = (block, offset);
    }

    /// Puts the row into `found` if it stands near behind the last one and nobody else is writing it. False says
    /// nothing: it may be anywhere.
    ///
    /// # Safety
    /// `dirty` must be a dirty snapshot, `found` a slot for rows of the table, and `key` a filled one; `columns` are those
    /// of the key.
    pub(super) unsafe fn fetch(
        &self,
        key: *mut pg_sys::TupleTableSlot,
        columns: &[usize],
        dirty: &mut pg_sys::SnapshotData,
        found: *mut pg_sys::TupleTableSlot,
    ) -> bool {
        if !self.is_heap || !self.in_order {
            return false;
        }
        let (block, offset) = self.last;
        // SAFETY: as promised. Pages are asked for up to the end of the table, and a place that a page has not is
        // answered like one that is empty.
        unsafe {
            for (block, passed) in [(block, offset), (block + 1, 0)] {
                if passed == 0 && block >= blocks(self.table) {
                    break;
                }
                for offset in passed + 1..=passed + NEAR {
                    if self.visible(block, offset, dirty, found)
                        && self.same_key(key, found, columns)
                        && dirty.xmin == pg_sys::InvalidTransactionId
                        && dirty.xmax == pg_sys::InvalidTransactionId
                    {
                        return true;
                    }
                }
            }
            pg_sys::ExecClearTuple(found);
            false
        }
    }

    /// # Safety
    /// As for [`Neighbour::fetch`]; the table must have that block.
    unsafe fn visible(
        &self,
        block: BlockNumber,
        offset: OffsetNumber,
        dirty: &mut pg_sys::SnapshotData,
        found: *mut pg_sys::TupleTableSlot,
    ) -> bool {
        // SAFETY: as promised; behind a pointer pgrx guards nothing by itself.
        unsafe {
            let Some(fetch) = (*(*self.table).rd_tableam).tuple_fetch_row_version else {
                return false;
            };
            let mut place = pg_sys::ItemPointerData::default();
            item_pointer_set_all(&mut place, block, offset);
            ffi::guarded(|| fetch(self.table, &mut place, dirty, found))
        }
    }

    /// Whether both have the same images of these columns. What is equal and written otherwise (1.0 and 1.00) does
    /// not count: the index knows.
    ///
    /// # Safety
    /// As for [`Neighbour::fetch`].
    unsafe fn same_key(
        &self,
        key: *mut pg_sys::TupleTableSlot,
        found: *mut pg_sys::TupleTableSlot,
        columns: &[usize],
    ) -> bool {
        // SAFETY: as promised.
        unsafe {
            let behind = columns.iter().max().map_or(0, |last| last + 1);
            let (key, found) = (Tuple::of_slot(key), Tuple::of_slot_up_to(found, behind));
            let same = |column: &usize| key.same(&found, *column, Storage::of(self.table, *column));
            columns.iter().all(same)
        }
    }
}

/// # Safety
/// The table must be open.
unsafe fn blocks(table: pg_sys::Relation) -> BlockNumber {
    // SAFETY: as promised.
    unsafe { pg_sys::RelationGetNumberOfBlocksInFork(table, pg_sys::ForkNumber::MAIN_FORKNUM) }
}
