//! At a branch: a tick of the head that met changes of this office, or that tells what became of some.
//!
//! Every row is taken as it stands at the head, key by key, but for keys with pending changes: their fate comes
//! with the acknowledgement. First the rows are locked, then it is asked what is pending, then they are
//! written; when a user was faster all the same, it is done again.

use super::keys::Keys;
use super::left_out;
use super::locks::{self, Sides};
use super::pending;
use super::row::Table;
use super::standing_aside;
use crate::apply::lines::{Checks, Feed, Sender};
use crate::apply::schema;
use crate::apply::target::{self, Target};
use crate::apply::tick::Amount;
use crate::apply::write;
use crate::pg::{spi, subxact};
use crate::refuse::refuse;
use core::cmp::Ordering;
use core::ops::ControlFlow;
use officesync_wire::decode::{Change, Line, RowGroup, Value};
use officesync_wire::merge::{Key, Touched};
use pgrx::PgSqlErrorCode;

/// So often users may be faster before the tick is given back, to be tried again later.
const ROUNDS: usize = 10;

/// Applies the tick that `feed` gives.
pub(crate) fn apply(sender: &Sender, tick: i64, feed: Feed<'_>) -> Amount {
    for _ in 1..ROUNDS {
        let mut changes_schema = false;
        let tried =
            subxact::attempt_or_code(|| Some(round(sender, tick, feed, &mut changes_schema)));
        match tried {
            Ok(Some(amount)) => return amount,
            // A statement that fails is not made better by doing it again.
            Err(_) if changes_schema => break,
            Ok(None) | Err(_) => {}
        }
    }
    round(sender, tick, feed, &mut false)
}

fn round(sender: &Sender, tick: i64, feed: Feed<'_>, changes_schema: &mut bool) -> Amount {
    locks::lock_emptied(feed);
    // What comes behind a schema change is locked when that is done.
    feed(&mut |line| {
        if !*changes_schema {
            locks::lock(&line.changes);
        }
        *changes_schema |= line.changes.iter().any(schema::is_one);
    });
    pending::refresh();
    let mut taker = Taker {
        checks: Checks::new(sender.clone()),
        sender,
        feed,
        place: (0, 0),
        tick,
        displaced: left_out::displaced(),
        schema_changed: false,
        amount: Amount::default(),
    };
    let bytes = feed(&mut |line| taker.line(line));
    taker.checks.finish();
    Amount {
        bytes,
        ..taker.amount
    }
}

/// Makes one row what it is at the head, whatever is here; the target has a certain key.
pub(crate) fn put(target: &Target, group: &RowGroup<'_>, row: &[Value<'_>]) {
    let moves = Keys::of(target, group, row).is_some_and(|keys| keys.new.is_some());
    let sides = Sides::of(group, row);
    locks::with_table(target, group, |table| {
        if let Some(old) = sides
            .old
            .as_deref()
            .filter(|_| moves || sides.new.is_none())
        {
            write_over(table, old, None);
        }
        if let Some(new) = &sides.new {
            write_over(table, new, Some(new));
        }
    });
}

fn write_over(table: &Table<'_>, like: &[Option<&str>], row: Option<&[Option<&str>]>) {
    let here = table.read(like);
    let here = here.as_ref().map(super::row::borrowed);
    table.write(here.as_deref(), row);
}

/// Makes a change to a row that no key tells from others.
pub(crate) fn take_unkeyed(target: &Target, group: &RowGroup<'_>, row: &[Value<'_>]) {
    super::head::write_unkeyed(target, group, row);
}

struct Taker<'a> {
    checks: Checks,
    sender: &'a Sender,
    feed: Feed<'a>,
    /// The line at hand and the change in it, both counted from 0.
    place: (usize, usize),
    tick: i64,
    /// Rows of ours that made room for others: our own echo brings them back.
    displaced: Vec<Key>,
    /// Whether a line of this tick has changed the schema.
    schema_changed: bool,
    amount: Amount,
}

impl Taker<'_> {
    fn line(&mut self, line: &Line<'_>) {
        self.changes(line);
        self.place.0 += 1;
    }

    fn changes(&mut self, line: &Line<'_>) {
        let own = self.checks.line(line);
        if own {
            let tick = line.origin_tick.unwrap_or_default();
            self.amount.acknowledged = self.amount.acknowledged.max(tick);
        }
        let only_displaced = own && !line.merged;
        if only_displaced && self.displaced.is_empty() {
            return;
        }
        if self.schema_changed {
            // Its rows could not be found before.
            locks::lock(&line.changes);
            pending::refresh();
        }
        for (index, change) in line.changes.iter().enumerate() {
            self.place.1 = index;
            match change {
                Change::Truncate { schema, table, .. } if !only_displaced => {
                    let target = spi::connected(|| target::find(schema, table));
                    self.checks.table(&target.direction, target.plain_name());
                    // Rows that no key tells apart are taken as they were made, and ours are here.
                    if !own || target.row_key().is_some() {
                        self.truncate(&target);
                    }
                    self.amount.changes += 1;
                }
                Change::Truncate { .. } => {}
                Change::Ddl(_) | Change::Tracking { .. } => {
                    self.schema(line, change);
                    self.schema_changed = true;
                    locks::lock(&line.changes[index + 1..]);
                    pending::refresh();
                    self.amount.changes += 1;
                }
                Change::Rows(group) => {
                    let target = spi::connected(|| target::find(&group.schema, &group.table));
                    self.checks.table(&target.direction, target.plain_name());
                    for row in group.rows() {
                        self.row(&target, group, row, own, only_displaced);
                    }
                    self.amount.changes += group.len() as i64;
                }
            }
        }
    }

    fn schema(&mut self, line: &Line<'_>, change: &Change<'_>) {
        match subxact::attempt_or_code(|| Some(schema::apply(&self.checks, line, change))) {
            Ok(_) => return,
            Err(error) if standing_aside::is_about_rows(error) => {
                let acknowledged = self.amount.acknowledged;
                let aside = standing_aside::of(change, self.tick, acknowledged);
                self.displaced.extend(aside);
            }
            Err(_) => {}
        }
        // What still fails stops the lane.
        schema::apply(&self.checks, line, change);
    }

    fn row(
        &mut self,
        target: &Target,
        group: &RowGroup<'_>,
        row: &[Value<'_>],
        own: bool,
        only_displaced: bool,
    ) {
        let Some(keys) = Keys::of(target, group, row) else {
            if !own {
                super::head::write_unkeyed(target, group, row);
            }
            return;
        };
        let sides = Sides::of(group, row);
        locks::with_table(target, group, |table| {
            // A change that keeps the key has one key; one that moves the row is two changes.
            let gone = keys
                .old
                .filter(|_| keys.new.is_some() || sides.new.is_none());
            if let (Some(key), Some(old)) = (gone, &sides.old) {
                self.take(table, key, old, None, only_displaced);
            }
            if let (Some(key), Some(new)) = (keys.new.or(keys.old), &sides.new) {
                self.take(table, key, new, Some(new), only_displaced);
            }
        });
    }

    /// Makes the row under `key` what it is at the head; `like` has that key's values.
    fn take(
        &mut self,
        table: &Table<'_>,
        key: Key,
        like: &[Option<&str>],
        row: Option<&[Option<&str>]>,
        only_displaced: bool,
    ) {
        if only_displaced && !self.displaced.contains(&key) {
            return;
        }
        if pending::contains(Touched::Key(key), self.amount.acknowledged) {
            left_out::add(key, self.tick, false);
            return;
        }
        let here = table.read(like);
        let here: Option<Vec<Option<&str>>> = here
            .as_ref()
            .map(|row| row.iter().map(Option::as_deref).collect());
        let written = subxact::attempt_or_code(|| table.write(here.as_deref(), row).then_some(()));
        let is_in_the_way = |error| {
            use PgSqlErrorCode::{ERRCODE_EXCLUSION_VIOLATION, ERRCODE_UNIQUE_VIOLATION};
            matches!(
                error,
                ERRCODE_UNIQUE_VIOLATION | ERRCODE_EXCLUSION_VIOLATION
            )
        };
        match (written, row) {
            (Ok(Some(())), _) => return,
            (Err(error), Some(row)) if is_in_the_way(error) => self.make_room(table, key, row),
            _ => {}
        }
        // What it says now stops the lane.
        table.write(here.as_deref(), row);
    }

    /// Rows of ours with changes that the head's log does not tell of yet have values that the row needs: they give way.
    fn make_room(&mut self, table: &Table<'_>, key: Key, row: &[Option<&str>]) {
        let rivals = table.rivals(row);
        for rival in &rivals {
            let texts: Vec<Option<&str>> = rival.iter().map(Option::as_deref).collect();
            let Some(rival_key) = super::unseen::key_of(table.target, table.columns, rival) else {
                continue;
            };
            if rival_key == key {
                continue;
            }
            let acknowledged = self.amount.acknowledged;
            let is_pending = pending::contains(Touched::Key(rival_key), acknowledged);
            if is_pending {
                left_out::add(rival_key, self.tick, true);
            }
            if is_pending || self.is_answered_later(rival_key) {
                self.displaced.push(rival_key);
            } else if !left_out::has_rejoined() {
                refuse(
                    PgSqlErrorCode::ERRCODE_UNIQUE_VIOLATION,
                    format!(
                        "a row of the head has unique values that another row of table {} has here",
                        table.target.plain_name()
                    ),
                    "The other row has no changes that the head is yet to decide on.",
                    "Compare the table at both offices, put it right, then run officesync.retry().",
                );
            }
            table.write(Some(&texts), None);
        }
    }

    /// Whether the rest of this very tick tells what became of changes of ours to that row. The tick of ours that they
    /// were in counts as acknowledged with the first of its transactions.
    fn is_answered_later(&self, key: Key) -> bool {
        let mut checks = Checks::new(self.sender.clone());
        let mut number = 0;
        let mut found = false;
        (self.feed)(&mut |line| {
            let own = checks.line(line);
            let first = match number.cmp(&self.place.0) {
                Ordering::Less => line.changes.len(),
                Ordering::Equal => self.place.1,
                Ordering::Greater => 0,
            };
            number += 1;
            if own && !found {
                found = pending::each_touched(&line.changes[first..], &mut |what| {
                    if what == Touched::Key(key) {
                        return ControlFlow::Break(());
                    }
                    ControlFlow::Continue(())
                })
                .is_break();
            }
        });
        found
    }

    fn truncate(&self, target: &Target) {
        let kept = pending::keys_of(target.relation.to_u32());
        let all = Touched::Table(target.relation.to_u32());
        if pending::contains(all, self.amount.acknowledged) {
            return;
        }
        if kept.is_empty() || target.row_key().is_none() {
            write::truncate(&[(target.schema.clone(), target.table.clone())]);
            return;
        }
        for key in &kept {
            if pending::contains(Touched::Key(*key), self.amount.acknowledged) {
                left_out::add(*key, self.tick, false);
            }
        }
        super::truncate::but_for(target, |key| {
            pending::contains(Touched::Key(key), self.amount.acknowledged)
        });
    }
}
