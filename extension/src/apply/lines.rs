//! The lines of a tick, checked as they come: who may author them, and that the chunks of a transaction are
//! all there. Trusts nothing in the body.

use crate::office::{self, Office, Role};
use crate::refuse::refuse;
use officesync_wire::WireError;
use officesync_wire::decode::{self, Limits, Line, LineReader};
use officesync_wire::message::Encoding;
use pgrx::PgSqlErrorCode;
use std::io::BufRead;
use std::rc::Rc;

/// A line's memory is used for the next one up to this size.
const KEPT_BYTES: usize = 4 << 20;

/// Hands the lines of a tick to whoever reads it, as often as asked; tells how many bytes they were.
pub(crate) type Feed<'a> = &'a dyn Fn(&mut dyn FnMut(&Line<'_>)) -> i64;

/// The office a tick came from.
#[derive(Clone)]
pub(crate) struct Sender {
    pub(crate) office: String,
    pub(crate) incarnation: String,
}

/// Reads the lines of one body.
pub(crate) fn read(encoding: Encoding, body: impl BufRead, sink: &mut dyn FnMut(&Line<'_>)) {
    let limits = Limits::default();
    let mut buffer = Vec::new();
    let mut reader =
        LineReader::new(encoding, body, limits).unwrap_or_else(|error| malformed(&error));
    while reader
        .next_line(&mut buffer)
        .unwrap_or_else(|error| malformed(&error))
    {
        let line = decode::line(&buffer, &limits).unwrap_or_else(|error| malformed(&error));
        sink(&line);
        // A huge row should not lie here twice.
        if buffer.capacity() > KEPT_BYTES {
            buffer = Vec::new();
        }
    }
}

/// What has to hold from line to line.
pub(crate) struct Checks {
    here: Rc<Office>,
    sender: Sender,
    /// The chunk expected next; 0 between transactions.
    next_chunk: i32,
}

impl Checks {
    pub(crate) fn new(sender: Sender) -> Self {
        Self {
            here: office::this(),
            sender,
            next_chunk: 0,
        }
    }

    pub(crate) fn role(&self) -> Role {
        self.here.role
    }

    /// Checks one line; whether it is our own, back from the head.
    pub(crate) fn line(&mut self, line: &Line<'_>) -> bool {
        // Between the chunks that a branch gets there may be some that are for another.
        let is_due = match self.here.role {
            Role::Head => line.chunk == self.next_chunk,
            Role::Branch => line.chunk >= self.next_chunk,
        };
        if !is_due {
            broken(format!(
                "chunk {} of a transaction came where {} was due",
                line.chunk, self.next_chunk
            ));
        }
        self.next_chunk = if line.last { 0 } else { line.chunk + 1 };
        let own = line.office == self.here.name && line.incarnation == self.here.incarnation;
        if self.here.role == Role::Head && !self.authored(line) {
            let (sender, author) = (&self.sender.office, &line.office);
            broken(format!(
                "office \"{sender}\" sent changes in the name of \"{author}\""
            ));
        }
        own
    }

    /// Must follow the last line.
    pub(crate) fn finish(&self) {
        if self.next_chunk != 0 {
            broken("the tick ends in the middle of a transaction".into());
        }
    }

    /// A branch sends only what was written there.
    fn authored(&self, line: &Line<'_>) -> bool {
        line.office == self.sender.office
            && line.incarnation == self.sender.incarnation
            && line.origin_tick.is_none()
            && !line.merged
    }

    /// A branch may not author what is authored at the head, nor the head what is collected.
    pub(crate) fn table(&self, direction: &str, table: &str) {
        let forbidden = match self.here.role {
            Role::Head => direction == "down",
            Role::Branch => direction == "up",
        };
        if forbidden {
            refuse(
                PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
                format!(
                    "office \"{}\" may not write table {table}",
                    self.sender.office
                ),
                &format!("The table's direction is \"{direction}\" here."),
                "Give the table the same direction at all offices (officesync.track()), then run officesync.retry().",
            )
        }
    }
}

/// What can't be read pauses the lane: the relay halts it on this error.
pub(super) fn malformed(error: &WireError) -> ! {
    if let WireError::NoMemory { .. } = error {
        refuse(
            PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY,
            format!("a tick can't be read: {error}"),
            "A row is read into memory whole.",
            "Give the server more memory; the relay tries again by itself.",
        )
    }
    refuse(
        PgSqlErrorCode::ERRCODE_PROTOCOL_VIOLATION,
        format!("a tick can't be read: {error}"),
        "",
        "If the sender's officesync is newer than this one, upgrade this office, then run officesync.retry().",
    )
}

pub(crate) fn broken(what: String) -> ! {
    refuse(
        PgSqlErrorCode::ERRCODE_PROTOCOL_VIOLATION,
        what,
        "The message is not one that officesync writes.",
        "Look at officesync.lanes and officesync.inbox; the lane goes on with officesync.retry() or officesync.skip().",
    )
}
