//! A tick -> the bodies of its messages, one part at a time.
//!
//! A part is whole rows, or a piece of one row that is much larger than a part: such a row travels
//! alone, so that nobody on the way holds more than a part of it.
//! The same tick gives the same parts every time it is asked for: the size of a part is fixed when
//! the tick is made, and the rows of a tick never change. Lines are not parsed; small ones are
//! compressed together, large ones are compressed already and only joined.

use crate::batch::{self, Chunk, Snapshot};
use crate::outbox;
use crate::pg::spi::{self, Fixed, Parameter, Rows};
use crate::refuse::refuse;
use officesync_wire::message::Encoding;
use pgrx::prelude::*;
use std::cell::RefCell;
use std::thread::LocalKey;

/// The next rows after a cursor, until they hold as many bytes as a part may; `$page` are the transactions
/// they are looked for in. A row of more than two parts ends the rows before it and is cut into pieces of
/// half a part, for there are many of them under way at once; the last one may be up to twice that. Only the
/// bytes asked for are read.
macro_rules! part_of {
    ($page:literal) => {
        concat!(
            "WITH page AS MATERIALIZED (",
            $page,
            "),
             candidate AS (
                 SELECT p.sequence, c.chunk, c.compressed, c.changes, c.body,
                        octet_length(c.body) AS bytes,
                        sum(octet_length(c.body)) OVER so_far - octet_length(c.body) AS bytes_before,
                        max(octet_length(c.body)) OVER so_far > 2 * $6 AS cut,
                        c.sequence IS NOT NULL AS final
                 FROM page p JOIN officesync.outbox c ON c.xid = p.xid
                 WHERE (p.sequence, c.chunk) > ($1, $5) AND (c.target IS NULL OR c.target = $8)
                 WINDOW so_far AS (ORDER BY p.sequence, c.chunk))
             SELECT sequence, chunk, compressed, changes,
                    CASE WHEN NOT cut THEN body
                         WHEN bytes - $7 > $6
                         THEN substring(body FROM $7 + 1 FOR (($6 + 1) / 2)::integer)
                         ELSE substring(body FROM $7 + 1) END,
                    final, cut AND bytes - $7 > $6
             FROM candidate
             WHERE (bytes_before = 0 AND ($7 = 0 OR (cut AND $7 < bytes)))
                OR (bytes_before > 0 AND bytes_before < $6 AND NOT cut AND $7 = 0)
             ORDER BY sequence, chunk"
        )
    };
}

/// The parameters of both statements of [`part_of`].
const PART_TYPES: &[pg_sys::Oid] = &[
    pg_sys::INT8OID,
    pg_sys::TEXTOID,
    pg_sys::TEXTOID,
    pg_sys::TEXTOID,
    pg_sys::INT4OID,
    pg_sys::INT8OID,
    pg_sys::INT4OID,
    pg_sys::TEXTOID,
];

thread_local! {
    static TICK: Fixed = const {
        Fixed::new(
            "SELECT t.snapshot, b.snapshot, t.last_sequence, t.part_bytes,
                    EXISTS (SELECT FROM officesync.tick_page p WHERE p.tick = t.number),
                    t.targets IS NOT NULL, t.bytes <= t.part_bytes
             FROM officesync.tick t JOIN officesync.tick b ON b.number = t.previous
             WHERE t.number = $1",
            &[pg_sys::INT8OID],
        )
    };
    /// The first page of a tick that ends with this sequence or later.
    static PAGE: Fixed = const {
        Fixed::new(
            "SELECT p.xids, p.last_sequence FROM officesync.tick_page p WHERE p.tick = $1 AND p.last_sequence >= $2
             ORDER BY p.last_sequence LIMIT 1",
            &[pg_sys::INT8OID, pg_sys::INT8OID],
        )
    };
    static PART_OF_PAGE: Fixed = const {
        Fixed::new(
            part_of!(
                "SELECT o.xid, o.sequence FROM unnest($2::xid8[]) AS member (xid)
                 JOIN officesync.outbox o ON o.xid = member.xid
                 WHERE o.sequence >= $1 AND (o.target IS NULL OR o.target = $8)"
            ),
            PART_TYPES,
        )
    };
    static PART_OF_BATCH: Fixed = const {
        Fixed::new(
            part_of!(
                "SELECT b.xid, b.sequence
                 FROM officesync.batch($4::pg_snapshot, $3::pg_snapshot) b
                 WHERE b.sequence >= $1 AND (b.target IS NULL OR b.target = $8)"
            ),
            PART_TYPES,
        )
    };
}

thread_local! {
    /// The last transaction of a tick that has something for a target, and whether the tick is still here. A
    /// transaction's last chunk is for the target where any of it is.
    static LAST: Fixed = const {
        Fixed::new(
            "SELECT max(o.sequence) FILTER (WHERE o.target IS NULL OR o.target = $2),
                    coalesce(max(o.sequence) = max(t.last_sequence), false)
             FROM officesync.tick t JOIN officesync.tick b ON b.number = t.previous,
                  LATERAL officesync.batch(b.snapshot, t.snapshot) o
             WHERE t.number = $1",
            &[pg_sys::INT8OID, pg_sys::TEXTOID],
        )
    };
    /// What it said last: the parts of a tick are asked for one after another.
    static LAST_KNOWN: RefCell<Option<(i64, String, Option<i64>)>> = const { RefCell::new(None) };
}

/// Columns of a part.
const SEQUENCE: usize = 0;
const CHUNK: usize = 1;
const COMPRESSED: usize = 2;
const CHANGES: usize = 3;
const BODY: usize = 4;
const FINAL: usize = 5;
const CONTINUED: usize = 6;

/// Where a part begins: behind a row, at a byte of the next one.
#[derive(Clone, Copy)]
struct Cursor {
    sequence: i64,
    chunk: i32,
    byte: i32,
}

/// `officesync.drain(tick, after_sequence, after_chunk, from_byte, target)`: the part after that cursor, of what a
/// branch gets. See `sql/functions/drain.sql`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn drain(
    tick: i64,
    after_sequence: i64,
    after_chunk: i32,
    from_byte: i32,
    target: &str,
) -> TableIterator<
    'static,
    (
        name!(sequence, i64),
        name!(chunk, i32),
        name!(last, bool),
        name!(encoding, String),
        name!(changes, i32),
        name!(body, Vec<u8>),
        name!(continue_at, i32),
    ),
> {
    let after = Cursor {
        sequence: after_sequence,
        chunk: after_chunk,
        byte: from_byte,
    };
    let (rows, last_sequence) = match spi::connected(|| part_after(tick, after, target)) {
        Part::All(chunks, changes) => {
            let (encoding, body) = whole(&chunks);
            let end = chunks.last();
            let (sequence, chunk) = end.map_or((0, -1), |row| (row.sequence, row.chunk));
            let encoding = encoding.as_str().to_owned();
            return TableIterator::once((sequence, chunk, true, encoding, changes, body, 0));
        }
        Part::Some(rows, last_sequence) => (rows, last_sequence),
    };
    let end = rows.len().checked_sub(1);
    if end.is_none() && last_sequence.is_none() {
        // All of the tick is for others.
        let encoding = Encoding::Identity.as_str().to_owned();
        return TableIterator::once((
            after_sequence,
            after_chunk,
            true,
            encoding,
            0,
            Vec::new(),
            0,
        ));
    }
    let Some(end) = end else {
        refuse(
            PgSqlErrorCode::ERRCODE_NO_DATA_FOUND,
            format!(
                "tick {tick} has nothing after sequence {after_sequence}, chunk {after_chunk}, \
                 byte {from_byte}"
            ),
            "Its rows are gone, or the cursor is not one that this function returned.",
            "",
        )
    };
    let continued = rows.is_true(end, CONTINUED);
    let (encoding, body) = if continued || from_byte > 0 {
        piece(&rows)
    } else {
        join(&|| {
            (0..rows.len())
                .filter_map(|row| Some((rows.is_true(row, COMPRESSED), rows.bytes(row, BODY)?)))
        })
    };
    if continued {
        let next = from_byte + body.len() as i32;
        let (sequence, chunk) = (after_sequence, after_chunk);
        let encoding = encoding.as_str().to_owned();
        return TableIterator::once((sequence, chunk, false, encoding, 0, body, next));
    }
    let sequence = rows.number(end, SEQUENCE).unwrap_or_default();
    let chunk = rows.number(end, CHUNK).unwrap_or_default() as i32;
    let last = Some(sequence) == last_sequence && rows.is_true(end, FINAL);
    let changes = (0..rows.len())
        .filter_map(|row| rows.number(row, CHANGES))
        .sum::<i64>() as i32;
    let encoding = encoding.as_str().to_owned();
    TableIterator::once((sequence, chunk, last, encoding, changes, body, 0))
}

/// What belongs to a part.
enum Part {
    /// All of the tick, at least one row; and its changes.
    All(Vec<Chunk>, i32),
    /// These rows, and the number of the last transaction that has anything for the target; None: there is none.
    Some(Rows, Option<i64>),
}

/// The body of a tick that is one part.
pub(crate) fn whole(chunks: &[Chunk]) -> (Encoding, Vec<u8>) {
    join(&|| chunks.iter().map(|row| (row.is_compressed, &row.body[..])))
}

fn part_after(tick: i64, after: Cursor, target: &str) -> Part {
    let facts = TICK.with(|tick_facts| tick_facts.statement().rows(&[Parameter::Int8(tick)], 1));
    let (Some(now), Some(before)) = (facts.text(0, 0), facts.text(0, 1)) else {
        refuse(
            PgSqlErrorCode::ERRCODE_NO_DATA_FOUND,
            format!("there is no tick {tick}"),
            "It was never made, or every office has acknowledged it and it was pruned.",
            "",
        )
    };
    // Small, and all of it for all: what the statement below makes one part of too.
    let is_whole = facts.is_true(0, 6) && !facts.is_true(0, 4) && !facts.is_true(0, 5);
    let is_start = (after.sequence, after.chunk, after.byte) == (0, -1, 0);
    if is_whole
        && is_start
        && let (Some(since), Some(until)) = (Snapshot::read(before), Snapshot::read(now))
    {
        let batch = batch::between(&since, &until, Some((i64::MAX, usize::MAX)));
        let changes = batch.changes as i32;
        if let Some(chunks) = batch.into_rows().filter(|chunks| !chunks.is_empty()) {
            return Part::All(chunks, changes);
        }
    }
    let last_sequence = facts.number(0, 2).unwrap_or_default();
    let part_bytes = facts.number(0, 3).unwrap_or_default();
    let last_sequence = match facts.is_true(0, 5) {
        false => Some(last_sequence),
        true => last_for(tick, target, last_sequence),
    };
    let part = |of: &'static LocalKey<Fixed>, xids: Parameter<'_>| {
        let parameters = [
            Parameter::Int8(after.sequence),
            xids,
            Parameter::Text(now),
            Parameter::Text(before),
            Parameter::Int4(after.chunk),
            Parameter::Int8(part_bytes),
            Parameter::Int4(after.byte),
            Parameter::Text(target),
        ];
        of.with(|part| part.statement().rows(&parameters, 0))
    };
    if !facts.is_true(0, 4) {
        return Part::Some(part(&PART_OF_BATCH, Parameter::Null), last_sequence);
    }
    let mut from = after.sequence;
    loop {
        let parameters = [Parameter::Int8(tick), Parameter::Int8(from)];
        let page = PAGE.with(|page| page.statement().rows(&parameters, 1));
        let xids = page.text(0, 0).map_or(Parameter::Null, Parameter::Text);
        let rows = part(&PART_OF_PAGE, xids);
        // Where the cursor stands at a page's end, the part begins on a later one.
        match page.number(0, 1) {
            Some(last) if rows.len() == 0 => from = last + 1,
            _ => return Part::Some(rows, last_sequence),
        }
    }
}

/// The last transaction of a tick that has anything for the target; the tick's last where the rows are gone, so that
/// they are missed.
fn last_for(tick: i64, target: &str, last_sequence: i64) -> Option<i64> {
    let known = LAST_KNOWN.with_borrow(|known| match known {
        Some((of, for_whom, last)) if *of == tick && for_whom == target => Some(*last),
        _ => None,
    });
    if let Some(last) = known {
        return last;
    }
    let parameters = [Parameter::Int8(tick), Parameter::Text(target)];
    let last = LAST.with(|last| last.statement().rows(&parameters, 1));
    if !last.is_true(0, 1) {
        return Some(last_sequence);
    }
    let last = last.number(0, 0);
    LAST_KNOWN.set(Some((tick, target.to_owned(), last)));
    last
}

/// A piece of a single row, as it is stored: compressed again, it could not be joined.
fn piece(rows: &Rows) -> (Encoding, Vec<u8>) {
    let encoding = if rows.is_true(0, COMPRESSED) {
        Encoding::Zstd
    } else {
        Encoding::Identity
    };
    (encoding, rows.bytes(0, BODY).unwrap_or_default().to_vec())
}

/// The bodies as one: plain when they are few and small, else zstd frames one after another.
fn join<'a, Bodies: Iterator<Item = (bool, &'a [u8])>>(
    bodies: &impl Fn() -> Bodies,
) -> (Encoding, Vec<u8>) {
    /// Below this a frame's own overhead eats what compression gains.
    const WORTH_COMPRESSING_BYTES: usize = 512;
    let plain_bytes: usize = bodies().map(|(_, body)| body.len()).sum();
    if plain_bytes < WORTH_COMPRESSING_BYTES && bodies().all(|(compressed, _)| !compressed) {
        return (
            Encoding::Identity,
            bodies().flat_map(|(_, body)| body).copied().collect(),
        );
    }
    let mut joined = Vec::new();
    let mut plain = Vec::new();
    for (compressed, body) in bodies() {
        if compressed {
            flush_plain(&mut plain, &mut joined);
            joined.extend_from_slice(body);
        } else {
            plain.extend_from_slice(body);
        }
    }
    flush_plain(&mut plain, &mut joined);
    (Encoding::Zstd, joined)
}

fn flush_plain(plain: &mut Vec<u8>, joined: &mut Vec<u8>) {
    if plain.is_empty() {
        return;
    }
    match outbox::compress(plain) {
        Some(frame) => joined.extend_from_slice(&frame),
        None => refuse(
            PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY,
            "not enough memory to compress a part".into(),
            "",
            "The relay tries again by itself.",
        ),
    }
    plain.clear();
}
