//! A message -> rows, positions and acknowledgements, in one transaction a tick.
//!
//! [`lane`] decides by position whether a part is applied, kept in the inbox, a duplicate or too
//! early; [`lines`] reads its lines and checks them; for [`tick`] [`direct`] writes their changes row by row,
//! or [`window`] gathers them and [`write`] writes them to the [`target`] tables. A tick in which something
//! is in conflict is applied by [`crate::merge`]. While a branch is being loaded, [`loading`] takes the ticks and
//! [`put`] the rows. The commit is visible at once and on disk later: [`flush`].

mod direct;
mod lane;
pub(crate) mod lines;
mod loading;
mod put;
pub(crate) mod schema;
pub(crate) mod scope;
pub(crate) mod sql;
mod staged;
pub(crate) mod target;
pub(crate) mod tick;
mod tries;
pub(crate) mod window;
pub(crate) mod write;

use crate::office::{self, Role};
use crate::pg::{settings, spi, wal};
use crate::transaction::{self, Origin};
use lane::{Applied, Lane, Part, Verdict};
use lines::{Feed, Sender};
use officesync_wire::message::Encoding;
use pgrx::prelude::*;
use tick::Amount;
use tries::{Tried, at_branch, at_head};

/// What the relay is told: outcome, position in the origin's log, changes applied, detail, and the position
/// that the origin may be told.
type Report = TableIterator<
    'static,
    (
        name!(outcome, String),
        name!(position, i64),
        name!(changes, i64),
        name!(detail, Option<String>),
        name!(seen, Option<i64>),
    ),
>;

fn report(outcome: &str, position: i64, changes: i64, detail: Option<String>) -> Report {
    TableIterator::once((outcome.to_owned(), position, changes, detail, None))
}

/// A tick was applied; `seen` is the position that its sender may be told.
fn applied(tick: i64, changes: i64, seen: i64) -> Report {
    TableIterator::once(("applied".to_owned(), tick, changes, None, Some(seen)))
}

/// Runs `work` with SPI and the settings of apply.
fn with_settings<R>(work: impl FnOnce() -> R) -> R {
    settings::applying(|| spi::connected(work))
}

/// `officesync.apply(...)`; see `sql/functions/apply.sql`.
#[pg_extern(sql = false)]
#[allow(clippy::too_many_arguments)]
fn apply(
    origin: &str,
    incarnation: &str,
    tick: i64,
    previous: i64,
    part: i32,
    last: bool,
    created_us: i64,
    peer_position: Option<i64>,
    position_incarnation: Option<&str>,
    broker_user: Option<&str>,
    encoding: &str,
    body: &[u8],
    continued: bool,
) -> Report {
    let part = Part {
        origin,
        incarnation,
        tick,
        previous,
        part,
        last,
        created_us,
        broker_user,
        encoding,
        continued,
        body,
    };
    with_settings(|| {
        settings::commit_without_waiting();
        let Some(lane) = Lane::lock(origin) else {
            return match part.nonsense() {
                Some(reason) => quarantined(&part, 0, reason),
                None => report("unknown", 0, 0, None),
            };
        };
        let verdict = lane.judge(&part);
        if !matches!(verdict, Verdict::Unknown | Verdict::Refuse(_)) {
            lane::acknowledge(origin, peer_position, position_incarnation);
        }
        match verdict {
            Verdict::Unknown => report("unknown", 0, 0, None),
            Verdict::Duplicate => report("duplicate", lane.applied, 0, None),
            Verdict::Gap(position) => report("gap", position, 0, None),
            Verdict::Refuse(reason) => quarantined(&part, lane.applied, &reason),
            Verdict::Stage => {
                lane::stage(&part);
                report(
                    if lane.halted { "held" } else { "staged" },
                    lane.applied,
                    0,
                    None,
                )
            }
            Verdict::Apply => {
                let done = apply_tick(&lane, &part, &|sink| {
                    lines::read(known_encoding(part.encoding), part.body, sink);
                    part.body.len() as i64
                });
                match done {
                    Outcome::Applied(changes, seen) => applied(tick, changes, seen),
                    Outcome::Forbidden(reason) => {
                        lane::quarantine(&part, &reason);
                        put_aside(&lane, &part, part.body.len() as i64, reason)
                    }
                    Outcome::Prepared => {
                        lane::stage(&part);
                        report("staged", lane.applied, 0, None)
                    }
                }
            }
        }
    })
}

fn quarantined(part: &Part<'_>, position: i64, reason: &str) -> Report {
    lane::quarantine(part, reason);
    report("quarantined", position, 0, Some(reason.to_owned()))
}

/// A branch's tick that brings what no branch may: it is done with, and stands in the quarantine.
fn put_aside(lane: &Lane, part: &Part<'_>, bytes: i64, reason: String) -> Report {
    lane::advance(
        part.origin,
        &Applied {
            tick: part.tick,
            acknowledged: 0,
            changes: 0,
            bytes,
            created_us: part.created_us,
        },
    );
    report("quarantined", lane.applied + 1, 0, Some(reason))
}

/// `officesync.flush()`: makes what apply committed durable; see `sql/functions/flush.sql`.
#[pg_extern(sql = false)]
fn flush() {
    wal::flush();
}

/// What became of a tick.
enum Outcome {
    /// It is applied: the changes, and the position that its sender may be told.
    Applied(i64, i64),
    /// It brings what no branch may, for this reason; nothing is done.
    Forbidden(String),
    /// It adds a label to an enum, which can be used only once that is committed. That is done, and no more.
    Prepared,
}

/// Applies one tick whose lines `feed` gives, and moves the position. `head` names the tick; its body is
/// not used here.
fn apply_tick(lane: &Lane, head: &Part<'_>, feed: Feed<'_>) -> Outcome {
    /// So often users may change the schema meanwhile before the tick is given back.
    const ROUNDS: usize = 5;
    let sender = Sender {
        office: head.origin.to_owned(),
        incarnation: head.incarnation.to_owned(),
    };
    let begin = || {
        transaction::begin_applying(Origin {
            office: head.origin.to_owned(),
            incarnation: head.incarnation.to_owned(),
            tick: head.tick,
            merged: false,
        });
    };
    if lane.is_loading {
        begin();
        return finish(head, loading::apply(&sender, feed));
    }
    let tried = match office::this().role {
        Role::Head => {
            let rounds = (0..ROUNDS).find_map(|_| at_head(&sender, feed, &begin, false));
            rounds.or_else(|| at_head(&sender, feed, &begin, true))
        }
        Role::Branch => at_branch(lane.left_out, &sender, head.tick, feed, &begin),
    };
    let amount = match tried {
        Some(Tried::Applied(amount)) => amount,
        Some(Tried::Forbidden(reason)) => return Outcome::Forbidden(reason),
        None => return Outcome::Prepared,
    };
    finish(head, amount)
}

/// Moves the position; tells the changes, and the position that the sender may be told.
fn finish(head: &Part<'_>, amount: Amount) -> Outcome {
    let applied = Applied {
        tick: head.tick,
        acknowledged: amount.acknowledged,
        changes: amount.changes,
        bytes: amount.bytes,
        created_us: head.created_us,
    };
    let seen = lane::advance(head.origin, &applied);
    Outcome::Applied(amount.changes, seen)
}

/// `officesync.apply_staged(origin)`: applies the next tick that lies whole in the inbox.
#[pg_extern(sql = false)]
fn apply_staged(origin: &str) -> Report {
    with_settings(|| {
        settings::commit_without_waiting();
        let Some(lane) = Lane::lock(origin) else {
            return report("nothing", 0, 0, None);
        };
        if lane.halted {
            return report("halted", lane.applied, 0, None);
        }
        let Some(next) = staged::next(origin) else {
            return report("nothing", lane.applied, 0, None);
        };
        let tick = lane.applied + 1;
        let head = Part {
            origin,
            incarnation: &next.incarnation,
            tick,
            previous: lane.applied,
            part: 1,
            last: true,
            created_us: next.created_us,
            broker_user: None,
            encoding: "",
            continued: false,
            body: b"",
        };
        let done = apply_tick(&lane, &head, &|sink| {
            let (mut first, mut bytes) = (1, 0);
            while first <= next.parts {
                let mut body = staged::Body::open(origin, tick, first);
                lines::read(known_encoding(body.encoding()), &mut body, sink);
                first = body.next_part();
                bytes += body.bytes();
            }
            bytes
        });
        let (changes, seen) = match done {
            Outcome::Applied(changes, seen) => (changes, seen),
            Outcome::Forbidden(reason) => {
                let bytes = staged::put_aside(origin, tick, &reason);
                return put_aside(&lane, &head, bytes, reason);
            }
            Outcome::Prepared => return report("again", lane.applied, 0, None),
        };
        staged::remove(origin, tick);
        applied(tick, changes, seen)
    })
}

fn known_encoding(name: &str) -> Encoding {
    name.parse()
        .unwrap_or_else(|error| lines::malformed(&error))
}

/// `officesync.mark_applied(...)`: makes this transaction count as the application of a tick that
/// was skipped, so that its office learns that it is done with.
#[pg_extern(sql = false)]
fn mark_applied(origin: &str, incarnation: &str, tick: i64) {
    transaction::begin_applying(Origin {
        office: origin.to_owned(),
        incarnation: incarnation.to_owned(),
        tick,
        merged: false,
    });
}

/// `officesync.calling_role()`: who called, from inside a SECURITY DEFINER function.
#[pg_extern(sql = false)]
fn calling_role() -> pg_sys::Oid {
    crate::pg::user::caller()
}
