//! Rows so large that the other offices could not apply them are refused where they are written.
//!
//! The bounds are PostgreSQL's own (a gigabyte for what is allocated at once) and the format's (the
//! longest line); see docs/guarantees.md. Without this a user would meet them as an internal error
//! about memory, or the receiving office would.

use super::layout;
use crate::pg::subxact;
use crate::pg::trigger::{Event, Firing};
use crate::refuse::refuse;
use officesync_wire::decode::MAX_LINE_BYTES;
use pgrx::PgSqlErrorCode;

/// The bytes that may be allocated at once (`MaxAllocSize`), less what a row takes besides its values:
/// header, null bitmap, and the columns of fixed length.
pub(super) const MAX_ROW_BYTES: usize = 0x3fff_ffff - (64 << 10);

/// Runs `work`, which captures `firing`; a bound that it meets becomes an error that names the row.
pub(super) fn guard(firing: &Firing<'_>, work: impl FnOnce()) {
    subxact::within_limits(work, |why| {
        let row = match firing.event() {
            Event::Update => firing.new_row(),
            _ => firing.row(),
        };
        let mut message = String::new();
        let mut detail = String::new();
        layout::with(firing.relation(), firing.function(), |layout| {
            message = format!(
                "a row of table {} is too large to be carried to the other offices",
                layout.qualified_name()
            );
            detail = format!("Key: {}; {why}.", layout.key_text(&row));
        });
        refuse(
            PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            message,
            &detail,
            "Store the value in smaller pieces, or keep the table out of officesync (officesync.untrack()).",
        )
    });
}

/// Refuses a row whose values, unfolded, the receiving office could not put into one row at once, or
/// whose text would make a line longer than it reads.
pub(super) fn check(unfolded_bytes: usize, text_bytes: usize) {
    /// What stands on a line around the rows.
    const FRAME_BYTES: usize = 4 << 10;
    if text_bytes > MAX_LINE_BYTES - FRAME_BYTES {
        refuse(
            PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            format!("{text_bytes} bytes of text in one row, {MAX_LINE_BYTES} are possible"),
            "",
            "",
        )
    }
    if unfolded_bytes > MAX_ROW_BYTES {
        refuse(
            PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            format!(
                "{unfolded_bytes} bytes of values are written at once, {MAX_ROW_BYTES} are possible"
            ),
            "",
            "",
        )
    }
}
