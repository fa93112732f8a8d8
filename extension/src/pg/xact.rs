//! The transaction we are in: identity, nesting, and the callbacks at its end.

use core::ffi::c_void;
use pgrx::{pg_guard, pg_sys};

/// Registers the callbacks of [`crate::transaction`]; called once, when the library is loaded.
pub(crate) fn register_callbacks() {
    // SAFETY: both functions live as long as the library, which is never unloaded.
    unsafe {
        pg_sys::RegisterXactCallback(Some(at_transaction_event), core::ptr::null_mut());
        pg_sys::RegisterSubXactCallback(Some(at_subtransaction_event), core::ptr::null_mut());
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn at_transaction_event(
    event: pg_sys::XactEvent::Type,
    _arg: *mut c_void,
) {
    use pg_sys::XactEvent::{
        XACT_EVENT_ABORT, XACT_EVENT_COMMIT, XACT_EVENT_PRE_COMMIT, XACT_EVENT_PRE_PREPARE,
        XACT_EVENT_PREPARE,
    };
    match event {
        XACT_EVENT_PRE_COMMIT => crate::transaction::before_commit(),
        XACT_EVENT_PRE_PREPARE => crate::transaction::before_prepare(),
        XACT_EVENT_COMMIT | XACT_EVENT_PREPARE => crate::transaction::after_end(),
        XACT_EVENT_ABORT => crate::transaction::after_abort(),
        _ => {}
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn at_subtransaction_event(
    event: pg_sys::SubXactEvent::Type,
    _own: pg_sys::SubTransactionId,
    _parent: pg_sys::SubTransactionId,
    _arg: *mut c_void,
) {
    use pg_sys::SubXactEvent::{
        SUBXACT_EVENT_ABORT_SUB, SUBXACT_EVENT_COMMIT_SUB, SUBXACT_EVENT_START_SUB,
    };
    match event {
        SUBXACT_EVENT_START_SUB => crate::transaction::subtransaction_begins(),
        SUBXACT_EVENT_COMMIT_SUB => crate::transaction::subtransaction_committed(nest_level()),
        SUBXACT_EVENT_ABORT_SUB => crate::transaction::subtransaction_aborted(nest_level()),
        _ => {}
    }
}

/// Depth of subtransactions: 1 in a transaction without savepoints.
pub(crate) fn nest_level() -> i32 {
    // SAFETY: reads backend-local state.
    unsafe { pg_sys::GetCurrentTransactionNestLevel() }
}

/// The 64-bit id of the top-level transaction, assigned now if it had none.
pub(crate) fn top_id() -> u64 {
    // SAFETY: called inside a transaction that writes.
    unsafe { pg_sys::GetTopFullTransactionId().value }
}

/// What was written so far can be seen from here on; the number of the command that begins, the same while nothing is
/// written.
pub(crate) fn begin_command() -> u32 {
    // SAFETY: called inside a transaction; the counter moves only where something was written.
    unsafe {
        pg_sys::CommandCounterIncrement();
        pg_sys::GetCurrentCommandId(false)
    }
}

/// From 1970 to 2000, where PostgreSQL's time begins, in microseconds.
pub(crate) const EPOCH_US: i64 = 946_684_800_000_000;

/// Microseconds since 2000-01-01 UTC, by the clock of this machine.
pub(crate) fn now() -> i64 {
    // SAFETY: reads the clock.
    unsafe { pg_sys::GetCurrentTimestamp() }
}
