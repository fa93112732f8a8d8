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
    /// A row by its values and null flags, one of each per column.
    pub(super) fn of_arrays(values: &'a [pg_sys::Datum], nulls: &'a [bool]) -> Self {
        Self { values, nulls }
    }

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

    /// # Safety
    /// As for [`Tuple::of_slot`]; attributes behind the first `attributes` may read as null.
    pub(super) unsafe fn of_slot_up_to(
        slot: *mut pg_sys::TupleTableSlot,
        attributes: usize,
    ) -> Self {
        // SAFETY: as promised; no more attributes are asked for than the descriptor has.
        unsafe {
            let all = (*(*slot).tts_tupleDescriptor).natts;
            let wanted = all.min(i32::try_from(attributes).unwrap_or(i32::MAX));
            if i32::from((*slot).tts_nvalid) < wanted {
                pg_sys::slot_getsomeattrs_int(slot, wanted);
            }
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

    /// The value of a bigint.
    pub(crate) fn number(&self, index: usize) -> Option<i64> {
        self.value(index).map(|datum| datum.value() as i64)
    }

    /// Whether a boolean is true.
    pub(crate) fn is_true(&self, index: usize) -> bool {
        self.value(index)
            .is_some_and(|datum| datum.value() as u8 != 0)
    }

    /// The text of a short value of type text that is stored as it is; `None` for NULL and for others.
    pub(crate) fn text(&self, index: usize) -> Option<&str> {
        // SAFETY: the caller names a column of type text, whose values live as long as the row.
        let bytes = unsafe { plain(self.value(index)?) };
        core::str::from_utf8(bytes?).ok()
    }

    /// How many bytes the values of these columns take in memory, those stored elsewhere and compressed
    /// ones as they are unfolded. Only of variable-length columns.
    pub(crate) fn unfolded_bytes(&self, columns: impl Iterator<Item = usize>) -> usize {
        columns
            .filter_map(|index| self.value(index))
            // SAFETY: the caller names columns of variable length; only their headers are read.
            .map(|datum| unsafe { pg_sys::toast_raw_datum_size(datum) })
            .sum()
    }

    /// Whether the column at `index` holds the same bytes here and there.
    #[inline]
    pub(crate) fn same(&self, other: &Tuple<'_>, index: usize, storage: Storage) -> bool {
        match (self.value(index), other.value(index)) {
            (None, None) => true,
            // SAFETY: both datums belong to a column of this storage.
            (Some(left), Some(right)) => unsafe { storage.same(left, right) },
            _ => false,
        }
    }
}

impl Storage {
    /// That of a column, counted from 0.
    ///
    /// # Safety
    /// `table` must be open and have the column.
    #[inline]
    pub(super) unsafe fn of(table: pg_sys::Relation, column: usize) -> Self {
        // SAFETY: as promised; the description has an entry for each column.
        unsafe {
            #[cfg(not(feature = "pg18"))]
            let attribute = &*(*(*table).rd_att).attrs.as_ptr().add(column);
            #[cfg(feature = "pg18")]
            let attribute = &*(*(*table).rd_att).compact_attrs.as_ptr().add(column);
            Self {
                length: attribute.attlen,
                by_value: attribute.attbyval,
            }
        }
    }

    /// Whether both values have the same image.
    ///
    /// # Safety
    /// Both must be of a type with this storage.
    #[inline]
    pub(super) unsafe fn same(self, left: pg_sys::Datum, right: pg_sys::Datum) -> bool {
        if self.by_value {
            // Above the value's own bytes a datum may hold anything.
            let unused = 64 - 8 * self.length.clamp(1, 8) as u32;
            return (left.value() as u64) << unused == (right.value() as u64) << unused;
        }
        // SAFETY: as promised.
        unsafe { same_image(left, right, self) }
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
        if storage.length == -1 && same_place(left, right) {
            return true;
        }
        ffi::guarded(|| ffi::datum_image_eq(left, right, false, i32::from(storage.length)))
    }
}

/// Whether both are pointers to the same value outside of the row: what an update leaves alone need not
/// be fetched to be known as unchanged.
///
/// # Safety
/// Both must point to varlenas.
unsafe fn same_place(left: pg_sys::Datum, right: pg_sys::Datum) -> bool {
    /// Header, tag, and the pointer itself (`varatt_external`).
    const POINTER_BYTES: usize = 2 + size_of::<pg_sys::varatt_external>();
    // SAFETY: a varlena with a one-byte header says by its tag what follows; only where it is a
    // pointer to a toast table are that many bytes read.
    unsafe {
        let pointer = |datum: pg_sys::Datum| {
            let bytes = datum.cast_mut_ptr::<u8>();
            let on_disk = pgrx::varatt_is_1b_e(bytes.cast())
                && u32::from(*bytes.add(1)) == pg_sys::vartag_external::VARTAG_ONDISK;
            on_disk.then(|| core::slice::from_raw_parts(bytes, POINTER_BYTES))
        };
        matches!((pointer(left), pointer(right)), (Some(left), Some(right)) if left == right)
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
