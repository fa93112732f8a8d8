//! The state of the running transaction, and what happens at its events.
//!
//! Invariant: at the end of every transaction, however it ends, nothing is left.

use crate::apply::schema;
use crate::buffer::{Buffer, Row};
use crate::capture::order::{Change, StatementId, Statements};
use crate::capture::{path, truncate};
use crate::ddl::{execute, mapping};
use crate::merge::clock;
use crate::pg::{statement, xact};
use crate::{doorbell, office, outbox};
use std::cell::{Cell, RefCell};

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
    /// Whether, from here on in this tick, what stands here may differ from what that office sent.
    pub(crate) merged: bool,
}

thread_local! {
    static BUFFER: RefCell<Buffer> = RefCell::default();
    static AUTHOR: RefCell<Author> = const { RefCell::new(Author::User) };
    static STATEMENTS: RefCell<Statements<Row>> = RefCell::default();
    /// The trigger depth of a statement that had begun before the library was loaded.
    static UNSEEN_DEPTH: Cell<i32> = const { Cell::new(0) };
}

/// The id of a statement whose beginning was not seen.
const UNSEEN: StatementId = 0;

pub(crate) fn with_buffer<R>(work: impl FnOnce(&mut Buffer) -> R) -> R {
    BUFFER.with_borrow_mut(work)
}

pub(crate) fn with_author<R>(look: impl FnOnce(&Author) -> R) -> R {
    AUTHOR.with_borrow(look)
}

pub(crate) fn with_statements<R>(work: impl FnOnce(&mut Statements<Row>) -> R) -> R {
    STATEMENTS.with_borrow_mut(work)
}

/// The running statement is one whose beginning was not seen: the first of the session that touches
/// a tracked table makes PostgreSQL load this library while its triggers fire already.
pub(crate) fn unseen_statement(command: Option<u32>) {
    UNSEEN_DEPTH.set(statement::trigger_depth());
    let command = command.unwrap_or(u32::MAX);
    STATEMENTS.with_borrow_mut(|all| all.begin(UNSEEN, xact::nest_level(), command));
}

/// What was unseen has ended when something happens outside of its triggers.
fn end_unseen() {
    if UNSEEN_DEPTH.get() > 0 && statement::trigger_depth() < UNSEEN_DEPTH.get() {
        UNSEEN_DEPTH.set(0);
        statement_ended(UNSEEN);
    }
}

/// A statement begins to write rows.
pub(crate) fn statement_begins(id: StatementId, command: u32) {
    end_unseen();
    STATEMENTS.with_borrow_mut(|all| all.begin(id, xact::nest_level(), command));
}

/// A command writes rows whose triggers fire with those of the running statement.
pub(crate) fn statement_joins(command: u32) {
    STATEMENTS.with_borrow_mut(|all| all.join(command));
}

/// The rows of the statement are written, its AFTER triggers fire now.
pub(crate) fn statement_finishing(id: StatementId) {
    STATEMENTS.with_borrow_mut(|all| all.finishing(id));
}

/// The statement is over: what was held back for it can go.
pub(crate) fn statement_ended(id: StatementId) {
    let free = STATEMENTS.with_borrow_mut(|all| all.end(id));
    append(free);
}

/// Appends changes to the buffer, in this order, each in the subtransaction that made it.
pub(crate) fn append(changes: Vec<Change<Row>>) {
    with_buffer(|buffer| {
        for change in &changes {
            buffer.append(change.level, &change.content);
        }
    });
}

/// From here to the end of the transaction, `origin` is the author of what is captured.
pub(crate) fn begin_applying(origin: Origin) {
    AUTHOR.set(Author::Applied(origin));
}

/// What stands here differs from what the office of origin sent: it has to take what is passed on.
pub(crate) fn has_merged() {
    AUTHOR.with_borrow_mut(|author| {
        if let Author::Applied(origin) = author {
            origin.merged = true;
        }
    });
}

/// The tick is applied anew from its beginning.
pub(crate) fn nothing_merged() {
    AUTHOR.with_borrow_mut(|author| {
        if let Author::Applied(origin) = author {
            origin.merged = false;
        }
    });
}

/// Whether that was said of the tick that is being applied.
pub(crate) fn is_merged() -> bool {
    with_author(|author| matches!(author, Author::Applied(origin) if origin.merged))
}

/// The office whose tick is being applied.
pub(crate) fn origin() -> Option<String> {
    with_author(|author| match author {
        Author::User => None,
        Author::Applied(origin) => Some(origin.office.clone()),
    })
}

/// The tick that is being applied; 0 where none is.
pub(crate) fn applied_tick() -> i64 {
    with_author(|author| match author {
        Author::User => 0,
        Author::Applied(origin) => origin.tick,
    })
}

/// A transaction of the office of origin is applied: its changes are passed on as one of its own, by its
/// number there and with the time at which its user committed.
pub(crate) fn end_applied(sequence: i64, commit_time: &str) {
    let level = xact::nest_level();
    let commit_time = clock::capped_text(commit_time);
    with_buffer(|buffer| {
        buffer.end_line(level, |chunk, is_last| {
            let last = is_last.then_some((sequence, &*commit_time));
            with_author(|author| outbox::line_head(author, chunk, last))
        });
    });
}

/// The last moment that may fail: what is buffered becomes outbox rows of this transaction.
pub(crate) fn before_commit() {
    end_statements();
    if outbox::flush_at_end() {
        doorbell::ring();
    }
}

/// As before a commit, except that nobody is woken: a prepared transaction may neither notify nor
/// keep a lock for the day it may stay prepared. The relay's polling finds it once committed.
pub(crate) fn before_prepare() {
    end_statements();
    outbox::flush_at_end();
}

fn end_statements() {
    let free = STATEMENTS.with_borrow_mut(Statements::end_all);
    append(free);
}

pub(crate) fn after_end() {
    BUFFER.with_borrow_mut(Buffer::clear);
    STATEMENTS.with_borrow_mut(Statements::clear);
    truncate::forget();
    path::forget();
    execute::forget();
    schema::forget();
    mapping::line_is_mapped(false);
    UNSEEN_DEPTH.set(0);
    AUTHOR.set(Author::User);
}

pub(crate) fn after_abort() {
    after_end();
    office::forget();
}

pub(crate) fn subtransaction_begins() {
    end_unseen();
}

pub(crate) fn subtransaction_committed(level: i32) {
    BUFFER.with_borrow_mut(|buffer| buffer.commit_level(level));
    STATEMENTS.with_borrow_mut(|all| all.commit_level(level));
}

pub(crate) fn subtransaction_aborted(level: i32) {
    BUFFER.with_borrow_mut(|buffer| buffer.abort_level(level));
    STATEMENTS.with_borrow_mut(|all| all.abort_level(level));
    truncate::forget();
    office::forget();
}
