//! The state of the running transaction, and what happens at its events.
//!
//! Invariant: at the end of every transaction, however it ends, nothing is left.

use crate::buffer::Buffer;
use crate::{doorbell, office, outbox};
use std::cell::RefCell;

/// Who makes the changes of this transaction.
pub(crate) enum Author {
    /// The user, here.
    User,
    /// Another office; a tick of its is being applied.
    Applied(Origin),
}

/// Where an applied tick came from.
pub(crate) struct Origin {
    pub(crate) office: String,
    pub(crate) incarnation: String,
    pub(crate) tick: i64,
}

thread_local! {
    static BUFFER: RefCell<Buffer> = RefCell::default();
    static AUTHOR: RefCell<Author> = const { RefCell::new(Author::User) };
}

pub(crate) fn with_buffer<R>(work: impl FnOnce(&mut Buffer) -> R) -> R {
    BUFFER.with_borrow_mut(work)
}

pub(crate) fn with_author<R>(look: impl FnOnce(&Author) -> R) -> R {
    AUTHOR.with_borrow(look)
}

/// From here to the end of the transaction, `origin` is the author of what is captured.
pub(crate) fn begin_applying(origin: Origin) {
    AUTHOR.set(Author::Applied(origin));
}

/// The last moment that may fail: what is buffered becomes outbox rows of this transaction.
pub(crate) fn before_commit() {
    if outbox::flush_at_end() {
        doorbell::ring();
    }
}

/// As before a commit, except that nobody is woken: a prepared transaction may neither notify nor
/// keep a lock for the day it may stay prepared. The relay's polling finds it once committed.
pub(crate) fn before_prepare() {
    outbox::flush_at_end();
}

pub(crate) fn after_end() {
    BUFFER.with_borrow_mut(Buffer::clear);
    AUTHOR.set(Author::User);
}

pub(crate) fn after_abort() {
    after_end();
    office::forget();
}

pub(crate) fn subtransaction_committed(level: i32) {
    BUFFER.with_borrow_mut(|buffer| buffer.commit_level(level));
}

pub(crate) fn subtransaction_aborted(level: i32) {
    BUFFER.with_borrow_mut(|buffer| buffer.abort_level(level));
    office::forget();
}
