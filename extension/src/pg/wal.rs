//! The write-ahead log: making what is visible durable.

use crate::pg::settings;
use core::ffi::c_int;
use pgrx::{check_for_interrupts, pg_sys};

/// Returns when everything committed here before the call is on disk, and at the synchronous standbys
/// where there are any. Writes no WAL of its own.
pub(crate) fn flush() {
    // SAFETY: reads shared state; a standby has no commits of its own.
    if unsafe { pg_sys::RecoveryInProgress() } {
        return;
    }
    let end = end();
    // SAFETY: `end` is the end of WAL that was generated; returns at once when it is on disk already.
    unsafe { pg_sys::XLogFlush(end) };
    await_standbys(end);
}

/// The end of the last record of WAL. A commit's record is there before the commit is visible, so what we
/// can see lies before it.
fn end() -> pg_sys::XLogRecPtr {
    // SAFETY: reads the position under the server's own lock.
    let next = unsafe { pg_sys::GetXLogInsertRecPtr() };
    // That is where the next record begins: behind the header of its page, if it will be the first there.
    // XLogFlush refuses to go beyond the last record's end.
    let page = pg_sys::XLOG_BLCKSZ as u64;
    // SAFETY: set at the start of the server and constant from then on.
    let segment = unsafe { pg_sys::wal_segment_size } as u64;
    let header = if next % segment < page {
        size_of::<pg_sys::XLogLongPageHeaderData>()
    } else {
        size_of::<pg_sys::XLogPageHeaderData>()
    } as u64;
    if next % page == header {
        next - header
    } else {
        next
    }
}

/// Waits for the synchronous standbys as a commit would, where commits do not wait at all as one under
/// `synchronous_commit = on`; but goes on waiting when the query is cancelled.
fn await_standbys(end: pg_sys::XLogRecPtr) {
    // SAFETY: a plain variable of this backend.
    let off = unsafe { pg_sys::synchronous_commit }
        == pg_sys::SyncCommitLevel::SYNCHRONOUS_COMMIT_OFF as c_int;
    let wait = || loop {
        check_for_interrupts!();
        // SAFETY: the wait wants interrupts held off; an error ends the holding off by itself. It returns
        // early only when interrupted, and then leaves `InterruptPending` set.
        let interrupted = unsafe {
            pg_sys::InterruptHoldoffCount += 1;
            pg_sys::SyncRepWaitForLSN(end, false);
            pg_sys::InterruptHoldoffCount -= 1;
            core::ptr::read_volatile(&raw const pg_sys::InterruptPending) != 0
        };
        if !interrupted {
            break;
        }
    };
    if off {
        settings::scoped(&[(c"synchronous_commit", c"on")], wait);
    } else {
        wait();
    }
}
