//! A changed row -> one row of a group in the buffer of this transaction.
//!
//! Runs in the row trigger, inside the user's statement: no SQL, nothing written (unless the buffer
//! is full). Who authored the change is known from [`crate::transaction`]: the user here, or, while
//! a tick is being applied, the office it came from.

mod direction;
mod inserts;
mod layout;
pub(crate) mod order;
pub(crate) mod path;
mod rows;
pub(crate) mod scope;
mod sharing;
mod too_large;
pub(crate) mod truncate;

use crate::buffer::Row;
use crate::office::{self, Role};
use crate::outbox;
use crate::pg::trigger::{Event, Firing};
use crate::pg::tuple::Tuple;
use crate::pg::xact;
use crate::transaction::{self, Author};
use direction::Direction;
pub(crate) use inserts::Inserts;
use layout::{Direct, Layout, Sink};
use order::Change;
use pgrx::pg_sys::Oid;

/// Captures one firing of the trigger `officesync_capture` or `officesync_truncate`.
pub(crate) fn capture(firing: &Firing<'_>) {
    if !captured(Direction::of(firing), firing.relation()) {
        return;
    }
    if firing.event() == Event::Truncate {
        truncate::capture(firing);
    } else if firing.holds_stored_elsewhere() {
        too_large::guard(firing, || row(firing));
    } else {
        row(firing);
    }
}

/// Whether changes of a table with this direction are captured in this transaction; an error when
/// the user may not make them here.
fn captured(direction: Direction, relation: Oid) -> bool {
    transaction::with_author(|author| match author {
        Author::User => {
            direction.check_local_write(relation);
            true
        }
        // A branch passes nothing on; the head passes on what goes both ways, and what it decides.
        Author::Applied(_) => {
            office::this().role == Role::Head
                && matches!(direction, Direction::Both | Direction::Ledger)
        }
    })
}

/// Captures a change that arrived and was written without firing our trigger: an insert has no `old`, a
/// delete no `new` row.
pub(crate) fn pass_on(
    relation: Oid,
    function: Oid,
    old: Option<&Tuple<'_>>,
    new: Option<&Tuple<'_>>,
) {
    let level = xact::nest_level();
    layout::with(relation, function, |layout| {
        transaction::with_buffer(|buffer| {
            let sink = &mut Direct { buffer, level };
            match (old, new) {
                (Some(old), Some(new)) => layout.update(sink, old, new),
                (None, Some(new)) => layout.insert(sink, new),
                (Some(old), None) => layout.delete(sink, old),
                (None, None) => {}
            }
        });
    });
    flush_if_full(level);
}

fn row(firing: &Firing<'_>) {
    let level = xact::nest_level();
    let mut moved = None;
    layout::with(firing.relation(), firing.function(), |layout| {
        // An error may have left it there.
        layout.take_moved();
        if is_plain(firing, layout) {
            transaction::with_buffer(|buffer| write(firing, layout, &mut Direct { buffer, level }));
        } else {
            let mut rows = Vec::new();
            write(firing, layout, &mut rows);
            in_order(firing, layout, rows, level);
        }
        moved = layout.take_moved();
    });
    if let Some(moved) = moved {
        path::follow(&moved);
    }
    flush_if_full(level);
}

fn flush_if_full(level: i32) {
    if transaction::with_buffer(|buffer| buffer.pending_bytes()) >= outbox::FULL_BYTES {
        outbox::flush_early(level);
    }
}

fn write(firing: &Firing<'_>, layout: &mut Layout, sink: &mut impl Sink) {
    match firing.event() {
        Event::Insert => layout.insert(sink, &firing.row()),
        Event::Update => layout.update(sink, &firing.row(), &firing.new_row()),
        Event::Delete => {
            let row = firing.row_up_to(layout.looks_at_of_deleted());
            layout.delete(sink, &row);
        }
        Event::Truncate => {}
    }
}

/// Whether the order of capture is that of the changes, as it is while statements do not nest.
#[inline]
fn is_plain(firing: &Firing<'_>, layout: &Layout) -> bool {
    let known = transaction::with_statements(|statements| !statements.is_empty());
    if !known {
        transaction::unseen_statement(firing.new_command());
    }
    transaction::with_statements(|statements| statements.is_plain(layout.table.to_u32()))
}

/// A row that changes hands is captured as two: gone for the one office, new for the other.
fn in_order(firing: &Firing<'_>, layout: &Layout, rows: Vec<Row>, level: i32) {
    let relation = firing.relation().to_u32();
    let count = rows.len();
    for (nth, row) in (1..).zip(rows) {
        let new = firing.new_version().filter(|_| nth == count);
        let change = Change {
            table: layout.table.to_u32(),
            level,
            old: firing.old_version().map(|place| (relation, place)),
            old_command: firing.old_command(),
            new: new.map(|place| (relation, place)),
            content: row,
        };
        let free = transaction::with_statements(|statements| statements.capture(change));
        transaction::append(free);
    }
}
