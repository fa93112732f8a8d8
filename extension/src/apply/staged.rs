//! The ticks that wait in the inbox, and their bodies.
//!
//! A body is read part by part: of a row larger than a part, which came in pieces, no more than one
//! piece is held here, however large the row is.

use super::lines;
use crate::pg::spi::{self, Fixed, Parameter, Rows};
use pgrx::pg_sys::{INT4OID, INT8OID, TEXTOID};
use std::io::{self, BufRead, Read};

thread_local! {
    /// The parts of the tick that is next, if its last one is there.
    static NEXT: Fixed = const {
        Fixed::new(
            "SELECT p.incarnation, max(i.part),
                    (extract(epoch FROM min(i.created_at)) * 1000000)::bigint
             FROM officesync.peer p
             JOIN officesync.inbox i ON i.origin = p.name AND i.tick = p.applied_tick + 1
             WHERE p.name = $1 GROUP BY p.incarnation HAVING bool_or(i.last)",
            &[TEXTOID],
        )
    };
    static PART: Fixed = const {
        Fixed::new(
            "SELECT encoding, body, continued FROM officesync.inbox
             WHERE origin = $1 AND tick = $2 AND part = $3",
            &[TEXTOID, INT8OID, INT4OID],
        )
    };
    static PUT_ASIDE: Fixed = const {
        Fixed::new(
            "WITH gone AS (
                 DELETE FROM officesync.inbox i WHERE i.origin = $1 AND i.tick = $2 RETURNING i.*),
             kept AS (
                 INSERT INTO officesync.quarantine
                     (origin, incarnation, tick, part, broker_user, encoding, continued, body, reason)
                 SELECT g.origin, p.incarnation, g.tick, g.part, p.broker_user, g.encoding, g.continued, g.body, $3
                 FROM gone g JOIN officesync.peer p ON p.name = g.origin ORDER BY g.part
                 RETURNING body)
             SELECT coalesce(sum(octet_length(k.body)), 0)::bigint FROM kept k",
            &[TEXTOID, INT8OID, TEXTOID],
        )
    };
    static REMOVE: Fixed = const {
        Fixed::new(
            "DELETE FROM officesync.inbox WHERE origin = $1 AND tick = $2",
            &[TEXTOID, INT8OID],
        )
    };
}

/// A tick that lies whole in the inbox.
pub(super) struct Next {
    pub(super) incarnation: String,
    pub(super) parts: i32,
    pub(super) created_us: i64,
}

/// The tick of `origin` that is next, if all of it has arrived.
pub(super) fn next(origin: &str) -> Option<Next> {
    let next = NEXT.with(|next| next.statement().rows(&[Parameter::Text(origin)], 1));
    Some(Next {
        incarnation: next.text(0, 0)?.to_owned(),
        parts: next.number(0, 1)? as i32,
        created_us: next.number(0, 2).unwrap_or_default(),
    })
}

/// Removes an applied tick.
pub(super) fn remove(origin: &str, tick: i64) {
    let parameters = [Parameter::Text(origin), Parameter::Int8(tick)];
    REMOVE.with(|remove| remove.statement().run(&parameters));
}

/// Moves a tick to the quarantine, for that reason; tells its bytes.
pub(super) fn put_aside(origin: &str, tick: i64, reason: &str) -> i64 {
    let parameters = [
        Parameter::Text(origin),
        Parameter::Int8(tick),
        Parameter::Text(reason),
    ];
    let moved = PUT_ASIDE.with(|put_aside| put_aside.statement().rows(&parameters, 1));
    moved.number(0, 0).unwrap_or_default()
}

/// One encoded body: a part, or the parts that a larger one was cut into.
pub(super) struct Body<'a> {
    origin: &'a str,
    tick: i64,
    /// The part at hand.
    part: i32,
    encoding: String,
    continued: bool,
    piece: Vec<u8>,
    /// How much of the piece has been read.
    at: usize,
    bytes: i64,
}

impl<'a> Body<'a> {
    /// The body that begins with that part.
    pub(super) fn open(origin: &'a str, tick: i64, part: i32) -> Self {
        let mut body = Self {
            origin,
            tick,
            part: part - 1,
            encoding: String::new(),
            continued: true,
            piece: Vec::new(),
            at: 0,
            bytes: 0,
        };
        body.load();
        body
    }

    pub(super) fn encoding(&self) -> &str {
        &self.encoding
    }

    /// The part behind what was read so far.
    pub(super) fn next_part(&self) -> i32 {
        self.part + 1
    }

    /// How many bytes of it were read from the inbox so far.
    pub(super) fn bytes(&self) -> i64 {
        self.bytes
    }

    fn load(&mut self) {
        self.part += 1;
        let row = self.row();
        let (Some(encoding), Some(piece)) = (row.text(0, 0), row.bytes(0, 1)) else {
            lines::broken(format!("part {} of the tick is missing", self.part))
        };
        if !self.encoding.is_empty() && self.encoding != encoding {
            lines::broken(format!(
                "part {} goes on with the body of the part before it, in another encoding",
                self.part
            ));
        }
        self.encoding = encoding.to_owned();
        self.continued = row.is_true(0, 2);
        self.piece = piece.to_vec();
        self.at = 0;
        self.bytes += self.piece.len() as i64;
    }

    fn row(&self) -> Rows {
        let parameters = [
            Parameter::Text(self.origin),
            Parameter::Int8(self.tick),
            Parameter::Int4(self.part),
        ];
        // A connection of its own, so that the server's copy of the body is freed at once.
        spi::connected(|| PART.with(|part| part.statement().rows(&parameters, 1)))
    }
}

impl Read for Body<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(to)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Body<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at == self.piece.len() && self.continued {
            self.load();
        }
        Ok(&self.piece[self.at..])
    }

    fn consume(&mut self, used: usize) {
        self.at += used;
    }
}
