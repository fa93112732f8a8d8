//! SQL from inside the server: statements prepared once a session and run many times.

use crate::pg::tuple::Tuple;
use core::cell::OnceCell;
use core::ffi::{CStr, c_char};
use core::ops::ControlFlow;
use pgrx::pg_sys::{self, Datum, Oid};
use std::ffi::CString;

/// A prepared statement, kept for the session (or until dropped).
pub(crate) struct Statement {
    plan: pg_sys::SPIPlanPtr,
}

/// A parameter.
#[derive(Clone, Copy)]
pub(crate) enum Parameter<'a> {
    Null,
    Int8(i64),
    Int4(i32),
    Boolean(bool),
    Text(&'a str),
    Bytes(&'a [u8]),
    /// Built in the server's memory already: by [`crate::pg::array::text_array`] or
    /// [`crate::pg::bytea::read`].
    Built(Datum),
}

/// The rows a statement returned, copied out of the server's memory.
pub(crate) struct Rows {
    cells: Vec<Vec<Option<Vec<u8>>>>,
}

/// Opens an SPI connection around `work`; what `work` allocates in the server is freed at its end.
pub(crate) fn connected<R>(work: impl FnOnce() -> R) -> R {
    // SAFETY: finished below; on an error the (sub)transaction's abort does it.
    unsafe { pg_sys::SPI_connect() };
    let result = work();
    // SAFETY: connected above.
    unsafe { pg_sys::SPI_finish() };
    result
}

impl Statement {
    /// Prepares `sql`; to be called inside [`connected`].
    pub(crate) fn prepare(sql: &str, types: &[Oid]) -> Self {
        let Ok(text) = CString::new(sql) else {
            pgrx::error!("officesync: a statement may not contain a NUL byte");
        };
        // SAFETY: both arrays live through the call; the plan is moved to memory that lives on.
        let plan = unsafe {
            let plan =
                pg_sys::SPI_prepare(text.as_ptr(), types.len() as i32, types.as_ptr().cast_mut());
            if plan.is_null() || pg_sys::SPI_keepplan(plan) != 0 {
                pgrx::error!("officesync: could not prepare: {sql}");
            }
            plan
        };
        Self { plan }
    }

    /// Runs it and tells how many rows it wrote or returned.
    pub(crate) fn run(&self, parameters: &[Parameter<'_>]) -> u64 {
        self.execute(parameters, 0);
        // SAFETY: set by the execution.
        unsafe { pg_sys::SPI_processed }
    }

    /// Runs it and returns the rows, each column as the text its type's output function gives
    /// (bytea: the bytes themselves).
    pub(crate) fn rows(&self, parameters: &[Parameter<'_>], limit: i64) -> Rows {
        self.execute(parameters, limit);
        // SAFETY: set by the execution; the table is freed with the SPI connection.
        unsafe {
            let table = pg_sys::SPI_tuptable;
            let cells = if table.is_null() {
                Vec::new()
            } else {
                copy_cells(table, pg_sys::SPI_processed)
            };
            if !table.is_null() {
                pg_sys::SPI_freetuptable(table);
            }
            Rows { cells }
        }
    }

    /// Runs it and hands over the rows some at a time, so that their number does not matter, until `work`
    /// breaks off.
    pub(crate) fn each(
        &self,
        parameters: &[Parameter<'_>],
        mut work: impl FnMut(&Rows) -> ControlFlow<()>,
    ) {
        const AT_ONCE: i64 = 32;
        let mut values: Vec<Datum> = parameters.iter().map(datum).collect();
        let nulls = null_flags(parameters);
        // SAFETY: as in `execute`; the portal is closed below, or by an abort.
        unsafe {
            let portal = pg_sys::SPI_cursor_open(
                core::ptr::null(),
                self.plan,
                values.as_mut_ptr(),
                nulls.as_ptr(),
                false,
            );
            loop {
                pg_sys::SPI_cursor_fetch(portal, true, AT_ONCE);
                let table = pg_sys::SPI_tuptable;
                let count = pg_sys::SPI_processed;
                if count == 0 || table.is_null() {
                    break;
                }
                let cells = copy_cells(table, count);
                pg_sys::SPI_freetuptable(table);
                if work(&Rows { cells }).is_break() {
                    break;
                }
            }
            pg_sys::SPI_cursor_close(portal);
        }
    }

    /// The same as [`Statement::rows`] of a statement that only reads: what is committed at this very moment and what
    /// this transaction has done, whatever its isolation level is.
    pub(crate) fn newest_rows(&self, parameters: &[Parameter<'_>], limit: i64) -> Rows {
        with_newest_snapshot(|| {
            self.execute_as(parameters, true, limit);
            // SAFETY: as in `rows`.
            unsafe {
                let table = pg_sys::SPI_tuptable;
                if table.is_null() {
                    return Rows { cells: Vec::new() };
                }
                let cells = copy_cells(table, pg_sys::SPI_processed);
                pg_sys::SPI_freetuptable(table);
                Rows { cells }
            }
        })
    }

    /// The same as [`Statement::each_tuple`], with what is committed at this very moment.
    pub(crate) fn each_newest_tuple(
        &self,
        parameters: &[Parameter<'_>],
        look: impl FnMut(&Tuple<'_>) -> ControlFlow<()>,
    ) {
        with_newest_snapshot(|| self.each_tuple(parameters, look));
    }

    /// Runs it without writing anything, and shows each row as it lies in the server's memory, until `look`
    /// breaks off.
    pub(crate) fn each_tuple(
        &self,
        parameters: &[Parameter<'_>],
        mut look: impl FnMut(&Tuple<'_>) -> ControlFlow<()>,
    ) {
        const AT_ONCE: i64 = 128;
        let mut values: Vec<Datum> = parameters.iter().map(datum).collect();
        let nulls = null_flags(parameters);
        // SAFETY: as in `execute`; the rows' arrays have as many entries as the table has columns, and a row
        // is not used after its table is freed. The portal is closed below, or by an abort.
        unsafe {
            let portal = pg_sys::SPI_cursor_open(
                core::ptr::null(),
                self.plan,
                values.as_mut_ptr(),
                nulls.as_ptr(),
                true,
            );
            let mut is_over = false;
            while !is_over {
                pg_sys::SPI_cursor_fetch(portal, true, AT_ONCE);
                let (table, count) = (pg_sys::SPI_tuptable, pg_sys::SPI_processed as usize);
                if count == 0 || table.is_null() {
                    break;
                }
                let descriptor = (*table).tupdesc;
                let columns = (*descriptor).natts.max(0) as usize;
                let mut cells = vec![Datum::from(0); columns];
                let mut are_null = vec![false; columns];
                for row in core::slice::from_raw_parts((*table).vals, count) {
                    let (cells_at, nulls_at) = (cells.as_mut_ptr(), are_null.as_mut_ptr());
                    pg_sys::heap_deform_tuple(*row, descriptor, cells_at, nulls_at);
                    is_over = look(&Tuple::of_arrays(&cells, &are_null)).is_break();
                    if is_over {
                        break;
                    }
                }
                pg_sys::SPI_freetuptable(table);
            }
            pg_sys::SPI_cursor_close(portal);
        }
    }

    fn execute(&self, parameters: &[Parameter<'_>], limit: i64) {
        self.execute_as(parameters, false, limit);
    }

    fn execute_as(&self, parameters: &[Parameter<'_>], read_only: bool, limit: i64) {
        let mut values: Vec<Datum> = parameters.iter().map(datum).collect();
        let nulls = null_flags(parameters);
        // SAFETY: as many values and null flags as the plan has parameters, of its types.
        let code = unsafe {
            pg_sys::SPI_execute_plan(
                self.plan,
                values.as_mut_ptr(),
                nulls.as_ptr(),
                read_only,
                limit,
            )
        };
        if code < 0 {
            pgrx::error!("officesync: a prepared statement failed with SPI code {code}");
        }
    }
}

/// Runs `work` with a snapshot that sees what is committed now and what this transaction has done.
fn with_newest_snapshot<R>(work: impl FnOnce() -> R) -> R {
    // SAFETY: popped below, or by the (sub)transaction's abort. The counter makes visible what was done so far.
    unsafe {
        pg_sys::CommandCounterIncrement();
        pg_sys::PushActiveSnapshot(pg_sys::GetLatestSnapshot());
    }
    let result = work();
    // SAFETY: pushed above.
    unsafe { pg_sys::PopActiveSnapshot() };
    result
}

impl Drop for Statement {
    fn drop(&mut self) {
        // SAFETY: a kept plan, freed once. While the backend exits, the thread-locals that hold
        // statements are dropped after the server has torn down; then there is nothing to free.
        unsafe {
            if !pg_sys::proc_exit_inprogress {
                pg_sys::SPI_freeplan(self.plan);
            }
        }
    }
}

/// A statement of fixed text, prepared at its first use in a session.
pub(crate) struct Fixed {
    sql: &'static str,
    types: &'static [Oid],
    prepared: OnceCell<Statement>,
}

impl Fixed {
    pub(crate) const fn new(sql: &'static str, types: &'static [Oid]) -> Self {
        Self {
            sql,
            types,
            prepared: OnceCell::new(),
        }
    }

    pub(crate) fn statement(&self) -> &Statement {
        self.prepared
            .get_or_init(|| Statement::prepare(self.sql, self.types))
    }
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }

    pub(crate) fn bytes(&self, row: usize, column: usize) -> Option<&[u8]> {
        self.cells.get(row)?.get(column)?.as_deref()
    }

    pub(crate) fn text(&self, row: usize, column: usize) -> Option<&str> {
        core::str::from_utf8(self.bytes(row, column)?).ok()
    }

    pub(crate) fn number(&self, row: usize, column: usize) -> Option<i64> {
        self.text(row, column)?.parse().ok()
    }

    pub(crate) fn is_true(&self, row: usize, column: usize) -> bool {
        self.text(row, column) == Some("t")
    }
}

fn null_flags(parameters: &[Parameter<'_>]) -> Vec<c_char> {
    let flag = |parameter: &Parameter<'_>| match parameter {
        Parameter::Null => b'n' as c_char,
        _ => b' ' as c_char,
    };
    parameters.iter().map(flag).collect()
}

fn datum(parameter: &Parameter<'_>) -> Datum {
    let of_bytes = |bytes: &[u8]| {
        // SAFETY: copies into a new varlena of the current context.
        unsafe {
            Datum::from(pg_sys::cstring_to_text_with_len(
                bytes.as_ptr().cast(),
                bytes.len() as i32,
            ))
        }
    };
    match parameter {
        Parameter::Null => Datum::from(0),
        Parameter::Int8(number) => Datum::from(*number),
        Parameter::Int4(number) => Datum::from(*number),
        Parameter::Boolean(flag) => Datum::from(*flag),
        Parameter::Text(text) => of_bytes(text.as_bytes()),
        Parameter::Bytes(bytes) => of_bytes(bytes),
        Parameter::Built(datum) => *datum,
    }
}

/// # Safety
/// `table` must be the live result of the last execution, with `count` rows.
unsafe fn copy_cells(table: *mut pg_sys::SPITupleTable, count: u64) -> Vec<Vec<Option<Vec<u8>>>> {
    // SAFETY: as promised by the caller; column numbers run from 1 to natts.
    unsafe {
        let descriptor = (*table).tupdesc;
        let columns = (*descriptor).natts;
        (0..count as usize)
            .map(|row| {
                let tuple = *(*table).vals.add(row);
                (1..=columns)
                    .map(|column| copy_cell(tuple, descriptor, column))
                    .collect()
            })
            .collect()
    }
}

/// # Safety
/// `column` must be a column of the tuple.
unsafe fn copy_cell(
    tuple: pg_sys::HeapTuple,
    descriptor: pg_sys::TupleDesc,
    column: i32,
) -> Option<Vec<u8>> {
    // SAFETY: as promised; a bytea is detoasted, anything else goes through its output function.
    unsafe {
        if pg_sys::SPI_gettypeid(descriptor, column) == pg_sys::BYTEAOID {
            let mut is_null = false;
            let datum = pg_sys::SPI_getbinval(tuple, descriptor, column, &mut is_null);
            if is_null {
                return None;
            }
            let whole = pg_sys::pg_detoast_datum_packed(datum.cast_mut_ptr());
            return super::tuple::plain(Datum::from(whole)).map(<[u8]>::to_vec);
        }
        let text = pg_sys::SPI_getvalue(tuple, descriptor, column);
        if text.is_null() {
            return None;
        }
        let copy = CStr::from_ptr(text).to_bytes().to_vec();
        pg_sys::pfree(text.cast());
        Some(copy)
    }
}
