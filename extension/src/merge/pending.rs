//! At a branch: which rows have changes that the head has not decided on.
//!
//! They are read from our own outbox, which keeps every change until it is acknowledged: tick by tick, and
//! what is in no tick yet anew each time. To be asked after the rows in question are locked: then whatever
//! users have changed in them is committed, or waits for us.

use super::keys::Keys;
use super::log;
use crate::apply::lines::{Checks, Feed, Sender};
use crate::apply::target;
use crate::batch::{self, Snapshot};
use crate::pg::spi::{self, Fixed, Parameter};
use crate::pg::{catalog, scan};
use core::ops::ControlFlow;
use officesync_wire::decode::Change;
use officesync_wire::merge::{Key, Pending, Touched};
use pgrx::pg_sys::INT8OID;
use std::cell::RefCell;
use std::collections::VecDeque;

thread_local! {
    static KNOWN: RefCell<Option<Known>> = const { RefCell::new(None) };
    /// A tick of ours that the head has decided on, and its snapshot.
    static DECIDED: RefCell<Option<(i64, String)>> = const { RefCell::new(None) };
    static SNAPSHOT: Fixed = const {
        Fixed::new("SELECT snapshot FROM officesync.tick WHERE number = $1", &[INT8OID])
    };
    static TICKS: Fixed = const {
        Fixed::new(
            "SELECT number, snapshot FROM officesync.tick WHERE number > $1 ORDER BY number",
            &[INT8OID],
        )
    };
}

/// What was read so far.
struct Known {
    /// The ticks from the acknowledged one to the last one read, with their snapshots.
    ticks: VecDeque<(i64, String)>,
    ticked: Pending,
    /// What is in none of these ticks.
    loose: Pending,
}

/// A number for what is in no tick yet.
const NO_TICK: u64 = u64::MAX;

/// Whether the tick that `feed` gives changes a row with changes of this office that it does not answer.
pub(crate) fn is_touched(sender: &Sender, feed: Feed<'_>) -> bool {
    refresh();
    if is_empty() {
        return false;
    }
    let mut checks = Checks::new(sender.clone());
    let mut acknowledged = 0;
    let mut touched = false;
    feed(&mut |line| {
        if checks.line(line) {
            acknowledged = acknowledged.max(line.origin_tick.unwrap_or_default());
        } else if !touched {
            touched = each_touched(
                &line.changes,
                &mut |what| match is_hit(what, acknowledged) {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                },
            )
            .is_break();
        }
    });
    touched
}

/// Whether what the head did there hits changes of ours later than our tick `acknowledged`: a table that it emptied has
/// them wherever one of its rows has.
fn is_hit(what: Touched, acknowledged: i64) -> bool {
    let is_pending = |key: Key| contains(Touched::Key(key), acknowledged);
    contains(what, acknowledged)
        || matches!(what, Touched::Table(table) if keys_of(table).into_iter().any(is_pending))
}

/// Reads what was committed here since the last time, by this session or another.
pub(crate) fn refresh() {
    let known = KNOWN.take();
    let Some((tick, snapshot)) = decided() else {
        return;
    };
    let decided = Snapshot::read(&snapshot);
    if decided.is_some_and(|decided| !batch::is_anything_after(&decided)) {
        // The usual case where the link is up: there is nothing to leave alone.
        return;
    }
    let known = known.and_then(|known| known.acknowledge(tick));
    let known = known.unwrap_or_else(|| Known::since(tick, &snapshot));
    KNOWN.set(Some(known.read_on()));
}

/// The last tick of ours that the head has decided on, and its snapshot, which never changes. None: no head is known.
fn decided() -> Option<(i64, String)> {
    /// Places of columns in `officesync.peer`.
    const ROLE: usize = 1;
    const ACKNOWLEDGED_TICK: usize = 6;
    let mut tick = None;
    scan::each_row(catalog::own_relation(c"peer")?, |row| {
        if row.text(ROLE) == Some("head") {
            tick = row.number(ACKNOWLEDGED_TICK);
        }
    });
    let tick = tick?;
    let known = DECIDED.take().filter(|(known, _)| *known == tick);
    let known = known.or_else(|| {
        let parameters = [Parameter::Int8(tick)];
        let rows = spi::connected(|| SNAPSHOT.with(|one| one.statement().rows(&parameters, 1)));
        Some((tick, rows.text(0, 0)?.to_owned()))
    });
    DECIDED.set(known.clone());
    known
}

/// Whether nothing is pending at all.
pub(crate) fn is_empty() -> bool {
    KNOWN.with_borrow(|known| {
        known
            .as_ref()
            .is_none_or(|known| known.ticked.is_empty() && known.loose.is_empty())
    })
}

/// Whether that has changes of ours later than our tick `acknowledged`.
pub(crate) fn contains(what: Touched, acknowledged: i64) -> bool {
    let number = acknowledged.max(0) as u64;
    KNOWN.with_borrow(|known| {
        known.as_ref().is_some_and(|known| {
            [&known.ticked, &known.loose]
                .iter()
                .any(|pending| pending.contains_after(what, number))
        })
    })
}

/// The keys of that table with pending changes.
pub(crate) fn keys_of(table: u32) -> Vec<Key> {
    KNOWN.with_borrow(|known| {
        let known = known.iter();
        known
            .flat_map(|known| known.ticked.keys(table).chain(known.loose.keys(table)))
            .collect()
    })
}

impl Known {
    fn since(tick: i64, snapshot: &str) -> Self {
        Self {
            ticks: VecDeque::from([(tick, snapshot.to_owned())]),
            ticked: Pending::default(),
            loose: Pending::default(),
        }
    }

    /// The head has decided on our ticks up to this one. None where it was not read yet.
    fn acknowledge(mut self, tick: i64) -> Option<Self> {
        while self.ticks.front().is_some_and(|(number, _)| *number < tick) {
            self.ticks.pop_front();
        }
        self.ticked.acknowledge(tick.max(0) as u64);
        (!self.ticks.is_empty()).then_some(self)
    }

    fn read_on(mut self) -> Self {
        self.loose = Pending::default();
        let Some((last, _)) = self.ticks.back() else {
            return self;
        };
        let parameters = [Parameter::Int8(*last)];
        let ticks = spi::connected(|| TICKS.with(|ticks| ticks.statement().rows(&parameters, 0)));
        for row in 0..ticks.len() {
            let (Some(number), Some(snapshot)) = (ticks.number(row, 0), ticks.text(row, 1)) else {
                continue;
            };
            let before = self.ticks.back().map(|(_, snapshot)| snapshot.clone());
            let before = before.unwrap_or_default();
            read(&mut self.ticked, &before, Some(snapshot), number as u64);
            self.ticks.push_back((number, snapshot.to_owned()));
        }
        if let Some((_, last)) = self.ticks.back() {
            read(&mut self.loose, last, None, NO_TICK);
        }
        self
    }
}

fn read(into: &mut Pending, since: &str, until: Option<&str>, number: u64) {
    log::lines_between(since, until, |line| {
        each_touched(&line.changes, &mut |what| {
            into.push(number, what);
            ControlFlow::Continue(())
        })
    });
}

/// What these changes touch. Tables that are not tracked any more have no rows to leave alone.
pub(super) fn each_touched(
    changes: &[Change<'_>],
    work: &mut dyn FnMut(Touched) -> ControlFlow<()>,
) -> ControlFlow<()> {
    for change in changes {
        match change {
            Change::Ddl(_) | Change::Tracking { .. } => {}
            Change::Truncate { schema, table, .. } => {
                if let Some(target) = target::find_tracked(schema, table) {
                    work(Touched::Table(target.relation.to_u32()))?;
                }
            }
            Change::Rows(group) => {
                let Some(target) = target::find_tracked(&group.schema, &group.table) else {
                    continue;
                };
                for row in group.rows() {
                    let keys = Keys::of(&target, group, row);
                    for key in keys.iter().flat_map(Keys::each) {
                        work(Touched::Key(key))?;
                    }
                }
            }
        }
    }
    ControlFlow::Continue(())
}
