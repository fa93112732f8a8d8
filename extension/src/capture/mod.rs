//! A changed row -> one row of a group in the buffer of this transaction.
//!
//! Runs in the row trigger, inside the user's statement: no SQL, nothing written (unless the buffer
//! is full). Who authored the change is known from [`crate::transaction`]: the user here, or, while
//! a tick is being applied, the office it came from.

pub(crate) mod civil;
mod direction;
mod layout;

use crate::office::{self, Role};
use crate::outbox;
use crate::pg::trigger::{Event, Firing};
use crate::pg::xact;
use crate::transaction::{self, Author};
use direction::Direction;

/// Captures one firing of the trigger `officesync_capture` or `officesync_truncate`.
pub(crate) fn capture(firing: &Firing<'_>) {
    let direction = Direction::of(firing);
    let captured = transaction::with_author(|author| match author {
        Author::User => {
            direction.check_local_write(firing);
            true
        }
        // A branch passes nothing on; the head passes on what goes both ways.
        Author::Applied(_) => office::this().role == Role::Head && direction == Direction::Both,
    });
    if captured {
        append(firing);
    }
}

fn append(firing: &Firing<'_>) {
    let level = xact::nest_level();
    let full = transaction::with_buffer(|buffer| {
        layout::with(
            firing.relation(),
            firing.function(),
            |layout| match firing.event() {
                Event::Insert => layout.insert(buffer, level, &firing.row()),
                Event::Update => layout.update(buffer, level, &firing.row(), &firing.new_row()),
                Event::Delete => layout.delete(buffer, level, &firing.row()),
                Event::Truncate => layout.truncate(buffer, level),
            },
        );
        buffer.pending_bytes() >= outbox::FULL_BYTES
    });
    if full {
        outbox::flush_early(level);
    }
}
