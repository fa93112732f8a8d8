//! Our own advisory locks and the notification to the relay.
//!
//! No SQL function can produce their tags, so no user can take them by accident or by malice.

use crate::pg::ffi;
use core::ffi::CStr;
use pgrx::pg_sys;

/// What a lock stands for.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum Lock {
    /// Held by the relay's session while it sleeps; shared by committing writers.
    Doorbell = 1,
    /// Held by the session of the relay that leads this office.
    Lead = 2,
    /// Held by the transaction that makes a tick.
    Tick = 3,
    /// Held by the committing writer that notifies, for all that commit beside it.
    Ringing = 4,
    /// Shared by committing writers that found the relay asleep.
    Committing = 5,
}

/// Distinguishes our tags from those of `pg_advisory_lock` (which sets this field to 1 or 2).
const TAG_OWNER: u16 = 0x0FF1;

/// The doorbell is a lock on a relation, by a number that no relation has (the server's own begin at 112): as such it is
/// taken in the session's own memory, not in a table where all the writers would meet.
fn tag(lock: Lock) -> pg_sys::LOCKTAG {
    let common = pg_sys::LOCKTAG {
        // SAFETY: set at backend start and constant from then on.
        locktag_field1: unsafe { pg_sys::MyDatabaseId }.to_u32(),
        locktag_field2: lock as u32,
        locktag_field3: 0,
        locktag_field4: TAG_OWNER,
        locktag_type: pg_sys::LockTagType::LOCKTAG_ADVISORY as u8,
        locktag_lockmethodid: pg_sys::USER_LOCKMETHOD as u8,
    };
    match lock {
        Lock::Doorbell => pg_sys::LOCKTAG {
            locktag_field4: 0,
            locktag_type: pg_sys::LockTagType::LOCKTAG_RELATION as u8,
            locktag_lockmethodid: pg_sys::DEFAULT_LOCKMETHOD as u8,
            ..common
        },
        _ => common,
    }
}

fn acquire(lock: Lock, mode: u32, for_session: bool) -> bool {
    let tag = tag(lock);
    // SAFETY: the tag outlives the call; we never wait, so no deadlock can arise.
    let result = unsafe { pg_sys::LockAcquire(&tag, mode as pg_sys::LOCKMODE, for_session, true) };
    result != pg_sys::LockAcquireResult::LOCKACQUIRE_NOT_AVAIL
}

/// Takes a shared lock until the end of this transaction; false when someone holds it exclusively.
pub(crate) fn share_until_commit(lock: Lock) -> bool {
    let mode = match lock {
        // The strongest that is taken in the session's own memory.
        Lock::Doorbell => pg_sys::RowExclusiveLock,
        _ => pg_sys::ShareLock,
    };
    acquire(lock, mode, false)
}

/// Takes an exclusive lock until the end of this transaction; false when it is not free.
pub(crate) fn own_until_commit(lock: Lock) -> bool {
    acquire(lock, pg_sys::ExclusiveLock, false)
}

/// Takes an exclusive lock for this session; false when it is not free. Taken twice, it must be
/// released twice.
pub(crate) fn own_for_session(lock: Lock) -> bool {
    acquire(lock, pg_sys::ExclusiveLock, true)
}

/// Gives a session lock back.
pub(crate) fn release(lock: Lock) {
    let tag = tag(lock);
    // SAFETY: the tag outlives the call; releasing what is not held only warns.
    unsafe { pg_sys::LockRelease(&tag, pg_sys::ExclusiveLock as pg_sys::LOCKMODE, true) };
}

/// Notifies `channel` when this transaction commits.
pub(crate) fn notify(channel: &CStr) {
    // SAFETY: both strings are NUL-terminated and copied by the server.
    unsafe { ffi::guarded(|| ffi::Async_Notify(channel.as_ptr(), c"".as_ptr())) };
}
