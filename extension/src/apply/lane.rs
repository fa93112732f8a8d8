//! The state of one lane: what this office holds of another office's log.
//!
//! The row of `officesync.peer` is locked while a tick is applied, so two relays can't apply the
//! same one; the position moves in the same transaction as the rows.

use crate::office::{self, Role};
use crate::pg::spi::{Fixed, Parameter};
use crate::pg::tuple::Tuple;
use crate::pg::{catalog, scan, xact};
use core::ffi::CStr;
use pgrx::pg_sys::{BOOLOID, BYTEAOID, INT4OID, INT8OID, TEXTOID};

thread_local! {
    static LOCK: Fixed = const {
        Fixed::new(
            "SELECT p.incarnation, p.applied_tick, p.broker_user, p.role = 'head'
             FROM officesync.peer p WHERE p.name = $1 FOR UPDATE",
            &[TEXTOID],
        )
    };
    static LAST_STAGED: Fixed = const {
        Fixed::new(
            "SELECT i.tick, i.part, i.last FROM officesync.inbox i WHERE i.origin = $1
             ORDER BY i.tick DESC, i.part DESC LIMIT 1",
            &[TEXTOID],
        )
    };
    static STAGE: Fixed = const {
        Fixed::new(
            "INSERT INTO officesync.inbox
                 (origin, tick, part, last, created_at, encoding, continued, body)
             VALUES ($1, $2, $3, $4,
                     'epoch'::timestamptz + $5 * interval '1 microsecond', $6, $7, $8)",
            &[TEXTOID, INT8OID, INT4OID, BOOLOID, INT8OID, TEXTOID, BOOLOID, BYTEAOID],
        )
    };
    static QUARANTINE: Fixed = const {
        Fixed::new(
            "INSERT INTO officesync.quarantine
                 (origin, incarnation, tick, part, broker_user, encoding, continued, body, reason)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            &[TEXTOID, TEXTOID, INT8OID, INT4OID, TEXTOID, TEXTOID, BOOLOID, BYTEAOID, TEXTOID],
        )
    };
    static ADVANCE: Fixed = const {
        Fixed::new(
            "UPDATE officesync.peer
             SET applied_tick = $2, acknowledged_tick = greatest(acknowledged_tick, $3),
                 last_seen_at = clock_timestamp(), applied_at = clock_timestamp(),
                 ticks = ticks + 1, rows = rows + $4, bytes = bytes + $5,
                 delay_ms = $6, clock_ahead_ms = $7
             WHERE name = $1",
            &[TEXTOID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID],
        )
    };
    static ACKNOWLEDGE: Fixed = const {
        Fixed::new(
            "UPDATE officesync.peer SET acknowledged_tick = $2, last_seen_at = clock_timestamp()
             WHERE name = $1 AND acknowledged_tick < $2",
            &[TEXTOID, INT8OID],
        )
    };
}

/// A message that carries one part of a tick, as the relay hands it over.
pub(super) struct Part<'a> {
    pub(super) origin: &'a str,
    pub(super) incarnation: &'a str,
    pub(super) tick: i64,
    pub(super) previous: i64,
    pub(super) part: i32,
    pub(super) last: bool,
    /// When the tick was made, microseconds since 1970-01-01 UTC.
    pub(super) created_us: i64,
    pub(super) broker_user: Option<&'a str>,
    pub(super) encoding: &'a str,
    /// Whether the body goes on in the next part.
    pub(super) continued: bool,
    pub(super) body: &'a [u8],
}

impl Part<'_> {
    /// Why this can't be a part of anybody's tick.
    pub(super) fn nonsense(&self) -> Option<&'static str> {
        if self.tick < 1 || self.part < 1 || self.previous != self.tick - 1 {
            return Some("its tick, part and previous tick do not fit together");
        }
        (self.last && self.continued)
            .then_some("it ends its tick, and its body goes on in the next part")
    }
}

/// What is known of the office a message came from.
pub(super) struct Lane {
    incarnation: String,
    broker_user: Option<String>,
    pub(super) applied: i64,
    pub(super) halted: bool,
    /// The last part that lies in the inbox: tick, part, whether it ends its tick.
    staged: Option<(i64, i32, bool)>,
    /// At a branch: whether rows were left alone, because they had changes that were not acknowledged, and
    /// whether some of ours made room for others.
    pub(super) left_out: Option<bool>,
    /// At a branch: whether its tables are being loaded.
    pub(super) is_loading: bool,
}

/// What to do with a part.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Apply,
    Stage,
    Duplicate,
    /// Something before it is missing; the last tick received whole.
    Gap(i64),
    /// It is not what this office's lane may carry.
    Refuse(String),
    Unknown,
}

impl Lane {
    /// Locks the lane of `origin` for this transaction; `None` when that office is not known.
    pub(super) fn lock(origin: &str) -> Option<Self> {
        let rows = LOCK.with(|lock| lock.statement().rows(&[Parameter::Text(origin)], 1));
        let is_of_head = rows.is_true(0, 3);
        Some(Self {
            incarnation: rows.text(0, 0)?.to_owned(),
            applied: rows.number(0, 1)?,
            broker_user: rows.text(0, 2).map(str::to_owned),
            halted: has_row(c"halted", |row| row.text(0) == Some(origin)),
            staged: last_staged(origin),
            left_out: has_row(c"left_out", |_| true)
                .then(|| has_row(c"left_out", |row| row.is_true(DISPLACED))),
            is_loading: is_of_head
                && has_row(c"load", |row| matches!(row.text(1), Some("asked" | "rows"))),
        })
    }

    /// Decides by position alone; the body is not looked at.
    pub(super) fn judge(&self, part: &Part<'_>) -> Verdict {
        if let Some(reason) = part.nonsense() {
            return Verdict::Refuse(reason.into());
        }
        if self.incarnation != part.incarnation {
            return Verdict::Unknown;
        }
        if let (Some(expected), Some(actual)) = (self.broker_user.as_deref(), part.broker_user)
            && expected != actual
        {
            return Verdict::Refuse(format!(
                "it came from the broker user \"{actual}\", but this office sends as \"{expected}\""
            ));
        }
        let (next_tick, next_part) = match self.staged {
            None => (self.applied + 1, 1),
            Some((tick, _, true)) => (tick + 1, 1),
            Some((tick, part, false)) => (tick, part + 1),
        };
        let offered = (part.tick, part.part);
        if offered < (next_tick, next_part) {
            return Verdict::Duplicate;
        }
        if offered > (next_tick, next_part) {
            return Verdict::Gap(next_tick - 1);
        }
        let whole = part.part == 1 && part.last;
        if whole && self.staged.is_none() && !self.halted {
            Verdict::Apply
        } else {
            Verdict::Stage
        }
    }
}

/// The places of `tick` and `displaced` in `officesync.left_out`.
const LEFT_OUT_AT: usize = 2;
const DISPLACED: usize = 3;

/// Whether one of our own tables, which are mostly empty, has such a row: without the plan of a statement, which would
/// cost more than all else that is done for a small tick.
fn has_row(table: &CStr, holds: impl FnMut(&Tuple<'_>) -> bool) -> bool {
    catalog::own_relation(table).is_some_and(|table| scan::has_row(table, holds))
}

/// The last part of `origin` that lies in the inbox.
fn last_staged(origin: &str) -> Option<(i64, i32, bool)> {
    if !has_row(c"inbox", |_| true) {
        return None;
    }
    let parameters = [Parameter::Text(origin)];
    let rows = LAST_STAGED.with(|last| last.statement().rows(&parameters, 1));
    Some((
        rows.number(0, 0)?,
        rows.number(0, 1).unwrap_or_default() as i32,
        rows.is_true(0, 2),
    ))
}

/// Puts a part into the inbox.
pub(super) fn stage(part: &Part<'_>) {
    STAGE.with(|stage| {
        stage.statement().run(&[
            Parameter::Text(part.origin),
            Parameter::Int8(part.tick),
            Parameter::Int4(part.part),
            Parameter::Boolean(part.last),
            Parameter::Int8(part.created_us),
            Parameter::Text(part.encoding),
            Parameter::Boolean(part.continued),
            Parameter::Bytes(part.body),
        ])
    });
}

/// Keeps a message that no lane may carry, with the reason.
pub(super) fn quarantine(part: &Part<'_>, reason: &str) {
    QUARANTINE.with(|quarantine| {
        quarantine.statement().run(&[
            Parameter::Text(part.origin),
            Parameter::Text(part.incarnation),
            Parameter::Int8(part.tick),
            Parameter::Int4(part.part),
            part.broker_user.map_or(Parameter::Null, Parameter::Text),
            Parameter::Text(part.encoding),
            Parameter::Boolean(part.continued),
            Parameter::Bytes(part.body),
            Parameter::Text(reason),
        ])
    });
}

/// What applying a tick amounted to.
pub(super) struct Applied {
    pub(super) tick: i64,
    pub(super) acknowledged: i64,
    pub(super) changes: i64,
    pub(super) bytes: i64,
    pub(super) created_us: i64,
}

/// Moves the position, in the transaction that wrote the rows. Tells the one that the sender may be told:
/// behind it while rows were left out.
pub(super) fn advance(origin: &str, applied: &Applied) -> i64 {
    let delay_us = xact::now() + xact::EPOCH_US - applied.created_us;
    ADVANCE.with(|advance| {
        let parameters = [
            Parameter::Text(origin),
            Parameter::Int8(applied.tick),
            Parameter::Int8(applied.acknowledged),
            Parameter::Int8(applied.changes),
            Parameter::Int8(applied.bytes),
            Parameter::Int8(delay_us.max(0) / 1000),
            Parameter::Int8((-delay_us).max(0) / 1000),
        ];
        advance.statement().run(&parameters)
    });
    let mut seen = applied.tick;
    if let Some(left_out) = catalog::own_relation(c"left_out") {
        scan::each_row(left_out, |row| {
            seen = seen.min(row.number(LEFT_OUT_AT).map_or(seen, |tick| tick - 1));
        });
    }
    seen
}

/// At the head: notes how far a branch has come in our log, if it speaks of this very log.
pub(super) fn acknowledge(origin: &str, position: Option<i64>, incarnation: Option<&str>) {
    let here = office::this();
    if let Some(position) = position
        && here.role == Role::Head
        && incarnation == Some(here.incarnation.as_str())
    {
        let parameters = [Parameter::Text(origin), Parameter::Int8(position)];
        ACKNOWLEDGE.with(|acknowledge| acknowledge.statement().run(&parameters));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(applied: i64, halted: bool, staged: Option<(i64, i32, bool)>) -> Lane {
        Lane {
            incarnation: "i".into(),
            broker_user: Some("u".into()),
            applied,
            halted,
            staged,
            left_out: None,
            is_loading: false,
        }
    }

    fn part(tick: i64, part: i32, last: bool) -> Part<'static> {
        Part {
            origin: "b",
            incarnation: "i",
            tick,
            previous: tick - 1,
            part,
            last,
            created_us: 0,
            broker_user: Some("u"),
            encoding: "identity",
            continued: false,
            body: b"",
        }
    }

    #[test]
    fn the_next_whole_tick_is_applied() {
        assert_eq!(
            lane(4, false, None).judge(&part(5, 1, true)),
            Verdict::Apply
        );
        assert_eq!(
            lane(4, true, None).judge(&part(5, 1, true)),
            Verdict::Stage,
            "halted"
        );
        assert_eq!(
            lane(4, false, None).judge(&part(5, 1, false)),
            Verdict::Stage,
            "more to come"
        );
        assert_eq!(
            lane(4, false, Some((5, 2, true))).judge(&part(6, 1, true)),
            Verdict::Stage,
            "in turn"
        );
    }

    #[test]
    fn what_was_seen_is_a_duplicate_and_what_is_early_a_gap() {
        assert_eq!(
            lane(4, false, None).judge(&part(4, 1, true)),
            Verdict::Duplicate
        );
        assert_eq!(
            lane(4, false, Some((5, 2, false))).judge(&part(5, 1, false)),
            Verdict::Duplicate
        );
        assert_eq!(
            lane(4, false, Some((5, 2, false))).judge(&part(5, 3, true)),
            Verdict::Stage
        );
        assert_eq!(
            lane(4, false, Some((5, 2, false))).judge(&part(6, 1, true)),
            Verdict::Gap(4)
        );
        assert_eq!(
            lane(4, false, None).judge(&part(6, 1, true)),
            Verdict::Gap(4)
        );
        assert_eq!(
            lane(4, false, None).judge(&part(5, 2, true)),
            Verdict::Gap(4)
        );
    }

    #[test]
    fn strangers_are_not_let_in() {
        let stranger = Part {
            incarnation: "other",
            ..part(5, 1, true)
        };
        assert_eq!(lane(4, false, None).judge(&stranger), Verdict::Unknown);
        let forger = Part {
            broker_user: Some("mallory"),
            ..part(5, 1, true)
        };
        assert!(matches!(
            lane(4, false, None).judge(&forger),
            Verdict::Refuse(_)
        ));
        let nonsense = Part {
            previous: 1,
            ..part(5, 1, true)
        };
        assert!(matches!(
            lane(4, false, None).judge(&nonsense),
            Verdict::Refuse(_)
        ));
        let endless = Part {
            continued: true,
            ..part(5, 1, true)
        };
        assert!(matches!(
            lane(4, false, None).judge(&endless),
            Verdict::Refuse(_)
        ));
    }
}
