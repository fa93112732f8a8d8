//! The buffer -> rows of `officesync.outbox`, inside the user's transaction.
//!
//! One row per transaction; a big one is cut into chunks that are written as they fill. The sequence
//! number is taken at the very end, so that a transaction that depends on another's commit always
//! has the larger number.

use crate::addressed;
use crate::buffer::{self, Chunk};
use crate::civil;
use crate::office;
use crate::pg::catalog::{self, Fresh};
use crate::pg::table::{self, Cell};
use crate::pg::xact;
use crate::refuse::{self, refuse};
use crate::transaction::{self, Author};
use officesync_wire::compress::Compressor;
use officesync_wire::encode::{self, ByColumn, LineHead};
use pgrx::pg_sys::Oid;
use pgrx::{PgSqlErrorCode, pg_extern};
use std::cell::RefCell;

/// The buffer is written out when it holds this much.
pub(crate) const FULL_BYTES: usize = 512 * 1024;
/// Smaller lines are not worth compressing by themselves; the drain compresses many together.
const COMPRESS_FROM_BYTES: usize = 2 * 1024;
/// zstd's level: the fastest; see docs/decisions.
const COMPRESSION_LEVEL: i32 = 1;

thread_local! {
    static COMPRESSOR: RefCell<Option<Compressor>> = const { RefCell::new(None) };
    static BY_COLUMN: RefCell<ByColumn> = RefCell::default();
    static PLACE: RefCell<Fresh<Option<Place>>> = RefCell::default();
}

/// Where this session's rows go, until it is told that the turn has passed. One that writes to the
/// table before does no harm: that one is only truncated later.
#[derive(Clone, Copy)]
struct Place {
    sequence: Oid,
    turn: i64,
    table: Oid,
    /// At a branch: the tick of the head up to which the schema here is known to be its.
    schema_tick: Option<i64>,
}

impl Place {
    fn look() -> Self {
        let turn = table::last_value(own(c"outbox_turn"));
        let table = match turn {
            0 => c"outbox_0",
            1 => c"outbox_1",
            _ => c"outbox_2",
        };
        Self {
            sequence: own(c"outbox_sequence"),
            turn,
            table: own(table),
            schema_tick: schema_tick(),
        }
    }

    fn of_this_session() -> Self {
        let place = catalog::kept_or_read(
            &PLACE,
            |place| *place,
            || Some(Self::look()),
            |kept, place| *kept = Some(place),
        );
        place.unwrap_or_else(Self::look)
    }
}

fn schema_tick() -> Option<i64> {
    table::first_row_texts(own(c"schema_position"), &[c"tick"])?
        .first()?
        .parse()
        .ok()
}

/// `officesync.has_changed(relation)`: tells every session to look again, once this transaction has
/// committed.
#[pg_extern(sql = false)]
fn has_changed(relation: Oid) {
    catalog::has_changed(relation);
}

/// Writes what is buffered as a chunk that is not the last, from subtransaction `level`.
pub(crate) fn flush_early(level: i32) {
    let chunk = transaction::with_buffer(|buffer| buffer.take(level));
    write(Place::of_this_session(), chunk, None);
}

/// Writes what is left, if the transaction captured anything. Tells whether it did.
pub(crate) fn flush_at_end() -> bool {
    let must_mark = transaction::with_author(|author| {
        matches!(author, Author::Applied(_)) && office::this().role == office::Role::Head
    });
    let chunk = transaction::with_buffer(|buffer| {
        (must_mark || !buffer.is_untouched()).then(|| buffer.take(1))
    });
    let Some(chunk) = chunk else { return false };
    let place = Place::of_this_session();
    let sequence = table::next_value(place.sequence);
    write(place, chunk, Some(sequence));
    true
}

fn write(place: Place, chunk: Chunk, sequence: Option<i64>) {
    if addressed::is_any(&chunk.groups) {
        return write_shares(place, &chunk, sequence);
    }
    let row = Row {
        chunk: chunk.number,
        changes: chunk.changes,
        sequence,
        office: None,
    };
    write_row(place, &row, lines(chunk, sequence));
}

/// A chunk of which some is for one office only, as several rows.
fn write_shares(place: Place, chunk: &Chunk, sequence: Option<i64>) {
    let (complete, open) = chunk.groups.split_at(chunk.closed);
    let time = sequence.and_then(|_| commit_time());
    let last = sequence.zip(time.as_deref());
    let is_open = !open.is_empty() || sequence.is_some() && chunk.line_number > 0;
    let head = |number: i32, is_last: bool| {
        transaction::with_author(|author| line_head(author, number, last.filter(|_| is_last)))
    };
    let chunks = match is_open {
        true => addressed::chunks(open, chunk.line_number, sequence.is_some(), head),
        false => Vec::new(),
    };
    let of_line = chunks.len() as i32;
    let rows = addressed::rows(complete, chunks, chunk.number == 0, sequence.is_some());
    let count = rows.len() as i32;
    for (nth, share) in (0..).zip(rows) {
        let row = Row {
            chunk: chunk.number + nth,
            changes: if nth == 0 { chunk.changes } else { 0 },
            sequence: sequence.filter(|_| nth == count - 1),
            office: share.office.as_deref(),
        };
        write_row(place, &row, share.bytes);
    }
    transaction::with_buffer(|buffer| buffer.written_as(count - 1, (of_line - 1).max(0)));
}

/// A row of the outbox, but for its body.
struct Row<'a> {
    chunk: i32,
    changes: i32,
    /// The transaction's number, on its last chunk.
    sequence: Option<i64>,
    /// The only office it is for.
    office: Option<&'a str>,
}

fn write_row(place: Place, row: &Row<'_>, mut body: Vec<u8>) {
    let compressed = if body.len() < COMPRESS_FROM_BYTES {
        None
    } else {
        compress(&body)
    };
    let is_compressed = compressed.is_some();
    if let Some(compressed) = compressed {
        // The line of a huge row should not lie here twice.
        let line = core::mem::replace(&mut body, compressed);
        transaction::with_buffer(|buffer| buffer.recycle(line));
    }
    check_storable(&body);
    let cells = [
        Cell::Number(xact::top_id() as i64),
        Cell::Number(i64::from(row.chunk)),
        row.sequence.map_or(Cell::Null, Cell::Number),
        Cell::Number(i64::from(row.changes)),
        Cell::Number(i64::from(is_compressed)),
        Cell::Number(place.turn),
        Cell::Bytes(&body),
        row.office
            .map_or(Cell::Null, |office| Cell::Bytes(office.as_bytes())),
    ];
    table::insert(place.table, &cells);
    if !is_compressed {
        transaction::with_buffer(|buffer| buffer.recycle(body));
    }
}

/// A row of the outbox is put together in memory, where nothing may be larger than a gigabyte. Only a
/// single row of a table can be: chunks are cut long before.
fn check_storable(body: &[u8]) {
    const MAX_BYTES: usize = 0x3fff_ffff - 1024;
    if body.len() > MAX_BYTES {
        refuse(
            PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            format!(
                "{} bytes after compression, {MAX_BYTES} are possible",
                body.len()
            ),
            "",
            "Store the value in smaller pieces.",
        )
    }
}

/// The lines of the wire format for one chunk, in the memory of its groups: those that are complete, and
/// the open one.
fn lines(chunk: Chunk, sequence: Option<i64>) -> Vec<u8> {
    let Chunk {
        line_number,
        groups: mut lines,
        closed,
        ..
    } = chunk;
    // With nothing in it at all, the line is a mark that the tick of its origin was applied.
    let is_open = lines.len() > closed || closed == 0;
    if !is_open && (sequence.is_none() || line_number == 0) {
        return lines;
    }
    let time = sequence.and_then(|_| commit_time());
    let last = sequence.zip(time.as_deref());
    let head = transaction::with_author(|author| line_head(author, line_number, last));
    if lines.try_reserve(head.len() + 16).is_err() {
        refuse::no_memory(lines.len());
    }
    buffer::insert_at(&mut lines, closed, &head);
    encode::line_end(&mut lines);
    lines
}

/// When this transaction commits: now.
fn commit_time() -> Option<String> {
    let time = civil::timestamp(xact::now())?.with_utc_offset();
    Some(core::str::from_utf8(time.as_bytes()).ok()?.to_owned())
}

/// The beginning of a line; `last`, for a transaction's last chunk: its number and commit time.
pub(crate) fn line_head(author: &Author, chunk: i32, last: Option<(i64, &str)>) -> Vec<u8> {
    let here = office::this();
    let (office, incarnation, origin_tick, merged) = match author {
        Author::User => (&here.name, &here.incarnation, None, false),
        Author::Applied(origin) => (
            &origin.office,
            &origin.incarnation,
            Some(origin.tick),
            origin.merged,
        ),
    };
    let mut head = Vec::with_capacity(256);
    encode::line_start(
        &mut head,
        &LineHead {
            office,
            incarnation,
            sequence: last.map(|(sequence, _)| sequence),
            chunk,
            last: last.is_some(),
            commit_time: last.map(|(_, time)| time),
            origin_tick,
            merged,
            schema_tick: match author {
                Author::User => Place::of_this_session().schema_tick,
                Author::Applied(_) => None,
            },
        },
    );
    head
}

/// Lines as one zstd frame, large groups column by column; `None` when zstd has no memory: then they travel as they are.
pub(crate) fn compress(lines: &[u8]) -> Option<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|kept| {
        if kept.is_none() {
            *kept = Compressor::new(COMPRESSION_LEVEL).ok();
        }
        BY_COLUMN.with_borrow_mut(|by_column| kept.as_mut()?.compress(by_column.turn(lines)).ok())
    })
}

fn own(name: &core::ffi::CStr) -> Oid {
    catalog::own_relation(name).unwrap_or_else(|| {
        refuse(
            PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE,
            format!("officesync.{} does not exist", name.to_string_lossy()),
            "A tracked table fired its trigger, but the extension's own tables are gone.",
            "Drop the trigger officesync_capture, or restore the schema officesync.",
        )
    })
}
