//! Writing to and reading from our own tables without SQL.
//!
//! Capture runs inside any user's statement: going straight to the table costs no parsing, no
//! planning and no look at privileges the user need not have.

use crate::pg::ffi;
use core::ffi::CStr;
use pgrx::pg_sys::{self, Datum, Oid};

/// One value of a row to insert; the order is that of the table's columns.
pub(crate) enum Cell<'a> {
    Null,
    Number(i64),
    Bytes(&'a [u8]),
    /// Built in the server's memory already.
    Built(Datum),
}

/// The number of the next row of the sequence.
pub(crate) fn next_value(sequence: Oid) -> i64 {
    // SAFETY: the id is that of a sequence.
    unsafe { ffi::guarded(|| ffi::nextval_internal(sequence, false)) }
}

/// The number that the sequence has come to; 0 before its first.
pub(crate) fn last_value(sequence: Oid) -> i64 {
    // SAFETY: the id is that of a sequence; the function takes that one argument.
    let value = unsafe {
        pgrx::direct_function_call::<i64>(
            pg_sys::pg_sequence_last_value,
            &[Some(Datum::from(sequence))],
        )
    };
    value.unwrap_or_default()
}

/// Inserts one row into one of our own tables, and into its indexes: plain ones, of columns that are
/// numbers.
pub(crate) fn insert<const COLUMNS: usize>(table: Oid, cells: &[Cell<'_>; COLUMNS]) {
    let mut values = [Datum::from(0); COLUMNS];
    let mut nulls = [false; COLUMNS];
    let mut copies = Vec::new();
    for (index, cell) in cells.iter().enumerate() {
        match cell {
            Cell::Null => nulls[index] = true,
            Cell::Number(number) => values[index] = Datum::from(*number),
            Cell::Built(value) => values[index] = *value,
            Cell::Bytes(bytes) => {
                let copy = varlena(bytes);
                copies.push(copy);
                values[index] = Datum::from(copy);
            }
        }
    }
    // SAFETY: the caller's columns match the table's (the regression tests insert into each);
    // opened and closed here, the lock stays to the end of the transaction as for any INSERT.
    unsafe {
        let relation = pg_sys::table_open(table, pg_sys::RowExclusiveLock as pg_sys::LOCKMODE);
        let tuple =
            pg_sys::heap_form_tuple((*relation).rd_att, values.as_mut_ptr(), nulls.as_mut_ptr());
        // The tuple has copies of its own, and a body may be a gigabyte.
        for copy in copies {
            pg_sys::pfree(copy.cast());
        }
        pg_sys::simple_heap_insert(relation, tuple);
        insert_into_indexes(relation, &raw mut (*tuple).t_self, &values, &nulls);
        pg_sys::heap_freetuple(tuple);
        pg_sys::table_close(relation, pg_sys::NoLock as pg_sys::LOCKMODE);
    }
}

/// What `CatalogTupleInsert` does for indexes, without what it prepares for kinds that ours are not.
///
/// # Safety
/// `relation` must be open, `place` that of a row with these values, one of each per column.
unsafe fn insert_into_indexes(
    relation: pg_sys::Relation,
    place: pg_sys::ItemPointer,
    values: &[Datum],
    nulls: &[bool],
) {
    const MAX_KEYS: usize = pg_sys::INDEX_MAX_KEYS as usize;
    // SAFETY: the list is a copy of ours; an open index has its catalogue row, with a column number for
    // each of its attributes.
    unsafe {
        let indexes = pg_sys::RelationGetIndexList(relation);
        let count = if indexes.is_null() {
            0
        } else {
            (*indexes).length
        };
        for nth in 0..count {
            // The table's lock keeps its indexes: whoever drops or replaces one waits for those who hold it.
            let index = pg_sys::index_open(
                pg_sys::list_nth_oid(indexes, nth),
                pg_sys::NoLock as pg_sys::LOCKMODE,
            );
            let form = &*(*index).rd_index;
            if form.indisready {
                let mut key = [Datum::from(0); MAX_KEYS];
                let mut key_nulls = [false; MAX_KEYS];
                let columns = core::slice::from_raw_parts(
                    form.indkey.values.as_ptr(),
                    form.indnatts.max(0) as usize,
                );
                for (at, column) in columns.iter().enumerate() {
                    let column = (*column - 1) as usize;
                    (key[at], key_nulls[at]) = (values[column], nulls[column]);
                }
                let mut info = pg_sys::IndexInfo {
                    type_: pg_sys::NodeTag::T_IndexInfo,
                    ii_ReadyForInserts: true,
                    ..Default::default()
                };
                pg_sys::index_insert(
                    index,
                    key.as_mut_ptr(),
                    key_nulls.as_mut_ptr(),
                    place,
                    relation,
                    match form.indisunique {
                        true => pg_sys::IndexUniqueCheck::UNIQUE_CHECK_YES,
                        false => pg_sys::IndexUniqueCheck::UNIQUE_CHECK_NO,
                    },
                    #[cfg(not(feature = "pg13"))]
                    false,
                    &mut info,
                );
            }
            pg_sys::index_close(index, pg_sys::NoLock as pg_sys::LOCKMODE);
        }
        pg_sys::list_free(indexes);
    }
}

/// The text columns of the first row of one of our own tables.
pub(crate) fn first_row_texts(table: Oid, columns: &[&CStr]) -> Option<Vec<String>> {
    // SAFETY: a scan opened and closed here, with the snapshot the server uses for catalogues, so
    // that it works before the first statement of a transaction too; attributes are read by name
    // and are of type text.
    unsafe {
        let relation = pg_sys::table_open(table, pg_sys::AccessShareLock as pg_sys::LOCKMODE);
        let scan = pg_sys::systable_beginscan(
            relation,
            pg_sys::InvalidOid,
            false,
            core::ptr::null_mut(),
            0,
            core::ptr::null_mut(),
        );
        let tuple = pg_sys::systable_getnext(scan);
        let texts = (!tuple.is_null()).then(|| {
            let read = |name: &&CStr| {
                let number = pg_sys::get_attnum(table, name.as_ptr());
                let mut is_null = false;
                let datum = pg_sys::heap_getattr(
                    tuple,
                    i32::from(number),
                    (*relation).rd_att,
                    &mut is_null,
                );
                super::tuple::plain(datum)
                    .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
                    .unwrap_or_default()
            };
            columns.iter().map(read).collect()
        });
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(relation, pg_sys::NoLock as pg_sys::LOCKMODE);
        texts
    }
}

/// A varlena with these bytes, in the current memory context.
fn varlena(bytes: &[u8]) -> *mut pg_sys::varlena {
    // SAFETY: allocated with room for header and bytes, then filled.
    unsafe {
        let total = bytes.len() + pg_sys::VARHDRSZ;
        let target = pg_sys::palloc(total).cast::<pg_sys::varlena>();
        pgrx::set_varsize_4b(target, total as i32);
        core::ptr::copy_nonoverlapping(
            bytes.as_ptr(),
            target.cast::<u8>().add(pg_sys::VARHDRSZ),
            bytes.len(),
        );
        target
    }
}
