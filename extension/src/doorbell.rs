//! Waking the relay, only when it sleeps.
//!
//! NOTIFY takes a lock of the whole cluster at commit, so a busy office must not use it. The relay
//! holds the doorbell lock while it sleeps; a committing writer that finds it held notifies, and one
//! that does not holds it shared until its commit is visible, so that the relay can't fall asleep
//! in between. One writer at a time notifies, because the relay may be frozen, and its flag stay up; the
//! others show that they are committing, so that the relay, woken by the one, does not sleep before
//! they are done. The relay's polling is the guarantee behind it.

use crate::pg::lock::{self, Lock};
use pgrx::pg_extern;
use std::cell::Cell;

thread_local! {
    static DOZING: Cell<bool> = const { Cell::new(false) };
}

/// Called at PRE_COMMIT by a transaction that wrote to the outbox.
pub(crate) fn ring() {
    if lock::share_until_commit(Lock::Doorbell) {
        return;
    }
    let seen = lock::share_until_commit(Lock::Committing);
    if !seen || lock::own_until_commit(Lock::Ringing) {
        lock::notify(c"officesync");
    }
}

/// Raises the flag that makes writers notify. False when a writer is just committing: look again
/// instead of sleeping.
#[pg_extern(sql = false)]
fn doze() -> bool {
    if !DOZING.get() {
        DOZING.set(lock::own_for_session(Lock::Doorbell) && nobody_commits());
    }
    DOZING.get()
}

/// Whether no writer that found us asleep is still committing; the flag is lowered again if so.
fn nobody_commits() -> bool {
    let nobody = lock::own_for_session(Lock::Committing);
    lock::release(if nobody {
        Lock::Committing
    } else {
        Lock::Doorbell
    });
    nobody
}

/// Lowers the flag.
#[pg_extern(sql = false)]
pub(crate) fn wake() {
    if DOZING.replace(false) {
        lock::release(Lock::Doorbell);
    }
}

/// Whether this session is the leading relay of this office; becomes it when nobody else is.
#[pg_extern(sql = false)]
fn try_lead() -> bool {
    thread_local! {
        static LEADING: Cell<bool> = const { Cell::new(false) };
    }
    if !LEADING.get() {
        LEADING.set(lock::own_for_session(Lock::Lead));
    }
    LEADING.get()
}
