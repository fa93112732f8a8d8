//! Server functions that pgrx 0.18 does not bind.

use core::ffi::{c_char, c_int};
use pgrx::pg_sys;

// SAFETY: signatures copied from the server's headers (commands/async.h, commands/sequence.h,
// catalog/partition.h, catalog/pg_constraint.h, utils/datum.h, utils/bytea.h, common/shortest_dec.h); they have not changed
// from PostgreSQL 13 to 18. What may raise an error must be called through [`guarded`].
unsafe extern "C-unwind" {
    /// Queues a notification that is sent when the current transaction commits.
    pub(super) fn Async_Notify(channel: *const c_char, payload: *const c_char);
    /// The next value of the sequence `relid`.
    pub(super) fn nextval_internal(relid: pg_sys::Oid, check_permissions: bool) -> i64;
    /// The ancestors of a partition, nearest first.
    pub(super) fn get_partition_ancestors(relid: pg_sys::Oid) -> *mut pg_sys::List;
    /// The constraint of that name on a relation; `InvalidOid` when there is none.
    pub(super) fn get_relation_constraint_oid(
        relid: pg_sys::Oid,
        name: *const c_char,
        missing_ok: bool,
    ) -> pg_sys::Oid;
    /// Whether two datums have the same image after detoasting.
    pub(super) fn datum_image_eq(
        left: pg_sys::Datum,
        right: pg_sys::Datum,
        by_value: bool,
        length: c_int,
    ) -> bool;
}

// SAFETY: as above; these neither allocate nor raise an error.
unsafe extern "C" {
    /// Writes the shortest text that reads back as `value` into `result` (25 bytes at most),
    /// with a terminating NUL; returns its length.
    pub(super) fn double_to_shortest_decimal_buf(value: f64, result: *mut c_char) -> c_int;
    /// The setting bytea_output.
    pub(super) static mut bytea_output: c_int;
    /// The setting xmloption.
    pub(super) static mut xmloption: c_int;
    /// The setting lc_monetary.
    pub(super) static mut locale_monetary: *mut c_char;
}

/// `BYTEA_OUTPUT_HEX` of utils/bytea.h.
pub(super) const BYTEA_OUTPUT_HEX: c_int = 1;
/// `XMLOPTION_CONTENT` of utils/xml.h.
pub(super) const XMLOPTION_CONTENT: c_int = 1;

/// Runs `call` so that an error PostgreSQL raises in it unwinds as a panic instead of jumping over
/// Rust's frames; what pgrx does for the functions it binds.
///
/// # Safety
/// `call` must do nothing but call into PostgreSQL with what that function asks for.
pub(super) unsafe fn guarded<R: Copy>(call: impl FnMut() -> R) -> R {
    // SAFETY: promised by the caller.
    unsafe { pg_sys::ffi::pg_guard_ffi_boundary(call) }
}
