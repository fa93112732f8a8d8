//! A row version, taken apart into its columns.

use crate::pg::ffi;
use pgrx::pg_sys;

/// The columns of one row, valid as long as the slot it came from.
#[derive(Clone, Copy)]
pub(crate) struct Tuple<'a> {
    values: &'a [pg_sys::Datum],
    nulls: &'a [bool],
}

/// How a column's values lie in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Storage {
    /// Bytes, or -1 for a varlena, or -2 for a C string.
    pub(crate) length: i16,
    /// Whether the datum is the value itself and not a pointer to it.
    pub(crate) by_value: bool,
}

impl<'a> Tuple<'a> {
    /// # Safety
    /// `slot` must be a filled slot that outlives `'a`.
    pub(super) unsafe fn of_slot(slot: *mut pg_sys::TupleTableSlot) -> Self {
        // SAFETY: after slot_getallattrs both arrays hold tts_nvalid entries.
        unsafe {
            pg_sys::slot_getallattrs(slot);
            let count = (*slot).tts_nvalid as usize;
            Self {
                values: core::slice::from_raw_parts((*slot).tts_values, count),
                nulls: core::slice::from_raw_parts((*slot).tts_isnull, count),
            }
        }
    }

    /// The value of the column at `index` (counted from 0, dropped ones included), `None` for NULL.
    #[inline]
    pub(crate) fn value(&self, index: usize) -> Option<pg_sys::Datum> {
        match self.nulls.get(index) {
            Some(false) => self.values.get(index).copied(),
            _ => None,
        }
    }

    /// Whether the column at `index` holds the same bytes here and there.
    #[inline]
    pub(crate) fn same(&self, other: &Tuple<'_>, index: usize, storage: Storage) -> bool {
        match (self.value(index), other.value(index)) {
            (None, None) => true,
            (Some(left), Some(right)) if storage.by_value => left == right,
            (Some(left), Some(right)) => {
                // SAFETY: both datums belong to a column of this storage.
                unsafe { same_image(left, right, storage) }
            }
            _ => false,
        }
    }
}

/// # Safety
/// Both datums must be non-null, by reference and of the given storage.
#[inline]
unsafe fn same_image(left: pg_sys::Datum, right: pg_sys::Datum, storage: Storage) -> bool {
    // SAFETY: a fixed-length value has `length` bytes behind its pointer; `plain` answers only
    // for values that lie in memory whole; all else goes to the server's own comparison.
    unsafe {
        if storage.length > 0 {
            let length = storage.length as usize;
            let left = core::slice::from_raw_parts(left.cast_mut_ptr::<u8>(), length);
            return left == core::slice::from_raw_parts(right.cast_mut_ptr::<u8>(), length);
        }
        if storage.length == -1
            && let (Some(left), Some(right)) = (plain(left), plain(right))
        {
            return left == right;
        }
        ffi::guarded(|| ffi::datum_image_eq(left, right, false, i32::from(storage.length)))
    }
}

/// The bytes of a varlena that is neither compressed nor stored elsewhere.
///
/// # Safety
/// `datum` must point to a varlena that lives for `'a`.
#[inline]
pub(super) unsafe fn plain<'a>(datum: pg_sys::Datum) -> Option<&'a [u8]> {
    // SAFETY: the header says which form it is and how long.
    unsafe {
        let varlena = datum.cast_mut_ptr::<pg_sys::varlena>();
        if pgrx::varatt_is_1b_e(varlena) || pgrx::varatt_is_4b_c(varlena) {
            return None;
        }
        let length = pgrx::varsize_any_exhdr(varlena);
        Some(core::slice::from_raw_parts(
            pgrx::vardata_any(varlena).cast::<u8>(),
            length,
        ))
    }
}
