//! The lines of a tick -> rows and windows of changes, checked as they come.
//!
//! Trusts nothing in the body: who may author it, which tables that office may write, and that the
//! chunks of a transaction are all there are checked here.

use super::direct::Direct;
use super::target::{self, Target};
use super::window::{Shape, Window};
use super::write;
use crate::office::{self, Office, Role};
use crate::pg::spi;
use crate::refuse::{self, refuse};
use officesync_wire::WireError;
use officesync_wire::decode::{self, Change, Limits, Line, LineReader, RowGroup};
use officesync_wire::message::Encoding;
use pgrx::PgSqlErrorCode;
use std::io::BufRead;
use std::rc::Rc;

/// A line's memory is used for the next one up to this size.
const KEPT_BYTES: usize = 4 << 20;

/// Applies the lines of one tick; its parts are given one after another.
pub(super) struct TickApplier {
    here: Rc<Office>,
    sender: Sender,
    direct: Direct,
    window: Window,
    truncated: Vec<(String, String)>,
    /// The chunk expected next; 0 between transactions.
    next_chunk: i32,
    /// Rows changed so far, those of our own echo not counted.
    pub(super) changes: i64,
    /// At a branch: the last of its own ticks that the head says it applied.
    pub(super) acknowledged: i64,
}

/// The office a tick came from.
pub(super) struct Sender {
    pub(super) office: String,
    pub(super) incarnation: String,
}

impl Sender {
    /// A branch sends only what was written there.
    fn authored(&self, line: &Line<'_>) -> bool {
        line.office == self.office
            && line.incarnation == self.incarnation
            && line.origin_tick.is_none()
    }
}

impl TickApplier {
    pub(super) fn new(sender: Sender) -> Self {
        Self {
            here: office::this(),
            sender,
            direct: Direct::default(),
            window: Window::default(),
            truncated: Vec::new(),
            next_chunk: 0,
            changes: 0,
            acknowledged: 0,
        }
    }

    /// Takes the lines of one body; what does not fill a window yet is kept for the next.
    pub(super) fn part(&mut self, encoding: Encoding, body: impl BufRead) {
        let limits = Limits::default();
        let mut buffer = Vec::new();
        let mut reader =
            LineReader::new(encoding, body, limits).unwrap_or_else(|error| malformed(&error));
        while reader
            .next_line(&mut buffer)
            .unwrap_or_else(|error| malformed(&error))
        {
            let line = decode::line(&buffer, &limits).unwrap_or_else(|error| malformed(&error));
            self.line(&line);
            // The values are written, or in the window: a huge row should not lie here twice.
            if buffer.capacity() > KEPT_BYTES {
                buffer = Vec::new();
            }
            if self.window.is_full() {
                self.write_window();
            }
        }
    }

    /// Writes what is left. Must follow the last part.
    pub(super) fn finish(&mut self) {
        if self.next_chunk != 0 {
            broken("the tick ends in the middle of a transaction".into());
        }
        self.write_truncates();
        self.write_rows();
    }

    fn line(&mut self, line: &Line<'_>) {
        if line.chunk != self.next_chunk {
            broken(format!(
                "chunk {} of a transaction came where {} was due",
                line.chunk, self.next_chunk
            ));
        }
        self.next_chunk = if line.last { 0 } else { line.chunk + 1 };
        let own = line.office == self.here.name && line.incarnation == self.here.incarnation;
        match self.here.role {
            Role::Head if !self.sender.authored(line) => {
                let (sender, author) = (&self.sender.office, &line.office);
                broken(format!(
                    "office \"{sender}\" sent changes in the name of \"{author}\""
                ));
            }
            Role::Branch if own => {
                // Our own changes, back from the head: the acknowledgement.
                self.acknowledged = self.acknowledged.max(line.origin_tick.unwrap_or_default());
                if !line.merged {
                    return;
                }
            }
            Role::Head | Role::Branch => {}
        }
        for change in &line.changes {
            self.change(change);
        }
    }

    fn change(&mut self, change: &Change<'_>) {
        match change {
            Change::Truncate { schema, table, .. } => {
                let target = spi::connected(|| target::find(schema, table));
                self.check_allowed(&target);
                self.write_rows();
                self.truncated.push((schema.to_string(), table.to_string()));
                self.changes += 1;
            }
            Change::Rows(group) => {
                let target = spi::connected(|| target::find(&group.schema, &group.table));
                self.check_allowed(&target);
                self.write_truncates();
                self.rows(&target, group);
                self.changes += group.len() as i64;
            }
        }
    }

    /// One table's changes keep their order: what waits in the window goes before what is written
    /// directly, and the other way round.
    fn rows(&mut self, target: &Target, group: &RowGroup<'_>) {
        let shape = Shape::of(group);
        if target.plan(&shape).is_some() {
            if self.window.holds(&group.schema, &group.table) {
                self.write_window();
            }
            self.direct.write(target, &shape, group);
            return;
        }
        if self.direct.holds(target) {
            self.direct.finish();
        }
        if !self.window.add(&shape, group) {
            let values = group.values.iter().flatten();
            refuse::no_memory(values.map(|value| value.len()).sum());
        }
    }

    /// A branch may not author what is authored at the head, nor the head what is collected.
    fn check_allowed(&self, target: &Target) {
        let direction = target.direction.as_str();
        let forbidden = match self.here.role {
            Role::Head => direction == "down",
            Role::Branch => direction == "up",
        };
        if forbidden {
            refuse(
                PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
                format!(
                    "office \"{}\" may not write table {}",
                    self.sender.office,
                    target.plain_name()
                ),
                &format!("The table's direction is \"{direction}\" here."),
                "Give the table the same direction at all offices (officesync.track()), then run officesync.retry().",
            )
        }
    }

    fn write_rows(&mut self) {
        self.direct.finish();
        self.write_window();
    }

    fn write_window(&mut self) {
        let window = std::mem::take(&mut self.window);
        write::write(&window);
    }

    fn write_truncates(&mut self) {
        if !self.truncated.is_empty() {
            write::truncate(&std::mem::take(&mut self.truncated));
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

pub(super) fn broken(what: String) -> ! {
    refuse(
        PgSqlErrorCode::ERRCODE_PROTOCOL_VIOLATION,
        what,
        "The message is not one that officesync writes.",
        "Look at officesync.lanes and officesync.inbox; the lane goes on with officesync.retry() or officesync.skip().",
    )
}
