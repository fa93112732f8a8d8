//! At the head: who wrote what a branch had not seen.
//!
//! The head keeps its log until every branch has acknowledged it, and a branch does not acknowledge what it
//! left out ([`super::left_out`]): so whatever a change ran into stands in the log behind the position that
//! its branch has acknowledged.

use super::keys::{self, Keys};
use super::log;
use crate::apply::target::{self, Target};
use crate::civil;
use crate::pg::spi::{self, Fixed, Parameter};
use core::ops::ControlFlow;
use officesync_wire::Op;
use officesync_wire::decode::{Change, Line, RowGroup};
use officesync_wire::merge::{Authored, Key, Unseen};
use pgrx::pg_sys::TEXTOID;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// What was read for the branch whose changes were in conflict last.
struct Known {
    branch: String,
    /// Up to this snapshot.
    until: Option<String>,
    others: Others,
}

thread_local! {
    static KNOWN: RefCell<Option<Known>> = const { RefCell::new(None) };
    static SEEN: Fixed = const {
        Fixed::new(
            "SELECT t.snapshot, pg_current_snapshot() FROM officesync.peer p
             JOIN officesync.tick t ON t.number = p.acknowledged_tick WHERE p.name = $1",
            &[TEXTOID],
        )
    };
}

/// What others did to some rows.
#[derive(Default)]
pub(super) struct Others {
    offices: Vec<String>,
    by_key: HashMap<Key, Vec<Event>>,
    by_table: HashMap<u32, Vec<Event>>,
    /// How many there are; they are numbered in the order of the log.
    count: usize,
}

#[derive(Clone)]
struct Event {
    number: usize,
    done: Done,
    office: usize,
    commit_time: i64,
}

#[derive(Clone)]
enum Done {
    Inserted,
    /// These columns, by name.
    Updated(Rc<Vec<String>>),
    Deleted,
    /// The branch's own line wrote the row; whether what stands may differ from what it sent.
    Own {
        merged: bool,
    },
}

/// Whether others have written anything that the branch has not seen.
pub(crate) fn is_anything(branch: &str) -> bool {
    let mut found = false;
    each_line(branch, |line| {
        if line.office == branch && !line.merged {
            return ControlFlow::Continue(());
        }
        found = true;
        ControlFlow::Break(())
    });
    found
}

fn each_line(branch: &str, mut work: impl FnMut(&Line<'_>) -> ControlFlow<()>) {
    if let Some((since, _)) = bounds(branch) {
        log::lines_between(&since, None, |line| match line.is_marker() {
            true => ControlFlow::Continue(()),
            false => work(line),
        });
    }
}

/// What the branch has seen, and what is committed now.
fn bounds(branch: &str) -> Option<(String, String)> {
    let rows =
        spi::connected(|| SEEN.with(|seen| seen.statement().rows(&[Parameter::Text(branch)], 1)));
    Some((rows.text(0, 0)?.to_owned(), rows.text(0, 1)?.to_owned()))
}

/// Runs `work` with what others did that the branch may not have seen. Read once a session and from then on
/// only what is new; what the branch has seen since does no harm.
pub(super) fn with<R>(branch: &str, work: impl FnOnce(&Others) -> R) -> R {
    /// With more than this in it, it is read anew.
    const MANY: usize = 1_000_000;
    let known = KNOWN
        .take()
        .filter(|known| known.branch == branch && known.others.count < MANY);
    let mut known = known.unwrap_or_else(|| Known {
        branch: branch.to_owned(),
        until: None,
        others: Others::default(),
    });
    if let Some((since, now)) = bounds(branch) {
        let since = known.until.take().unwrap_or(since);
        known.others.read(branch, &since, &now);
        known.until = Some(now);
    }
    let result = work(&known.others);
    KNOWN.set(Some(known));
    result
}

impl Others {
    fn read(&mut self, branch: &str, since: &str, until: &str) {
        // A transaction's time stands on its last chunk.
        let mut open: Vec<(Option<Key>, u32, Done)> = Vec::new();
        log::lines_between(since, Some(until), |line| {
            let start = open.len();
            for change in &line.changes {
                collect(change, &mut open);
            }
            if line.office == branch {
                let merged = line.merged;
                for (_, _, done) in &mut open[start..] {
                    *done = Done::Own { merged };
                }
            }
            if let Some(time) = &line.commit_time {
                let office = self.office(&line.office);
                let commit_time = microseconds(time);
                for (key, table, done) in open.drain(..) {
                    self.add(key, table, done, office, commit_time);
                }
            }
            ControlFlow::Continue(())
        });
    }

    fn office(&mut self, name: &str) -> usize {
        let known = self.offices.iter().position(|office| office == name);
        known.unwrap_or_else(|| {
            self.offices.push(name.to_owned());
            self.offices.len() - 1
        })
    }

    fn add(&mut self, key: Option<Key>, table: u32, done: Done, office: usize, commit_time: i64) {
        self.count += 1;
        let event = Event {
            number: self.count,
            done,
            office,
            commit_time,
        };
        match key {
            Some(key) => self.by_key.entry(key).or_default().push(event),
            None => self.by_table.entry(table).or_default().push(event),
        }
    }

    /// Whether a row was deleted, or changed hands.
    pub(super) fn was_gone(&self, key: Key) -> bool {
        let events = self.by_key.get(&key).into_iter().flatten();
        events
            .into_iter()
            .any(|event| matches!(event.done, Done::Deleted))
    }

    /// Whether anything was done to rows of that table.
    pub(super) fn touched(&self, table: u32) -> bool {
        self.by_table.contains_key(&table) || self.by_key.keys().any(|key| key.table == table)
    }

    /// What was done to one row, by the columns of the change that meets it.
    pub(super) fn of(&self, key: Key, columns: &[&str]) -> Unseen<'_> {
        let mut unseen = Unseen::new(columns.len());
        let of_key = self.by_key.get(&key).into_iter().flatten();
        let of_table = self.by_table.get(&key.table).into_iter().flatten();
        let mut events: Vec<&Event> = of_key.chain(of_table).collect();
        events.sort_by_key(|event| event.number);
        for event in events {
            let by = Authored {
                office: &self.offices[event.office],
                commit_time: event.commit_time,
            };
            match &event.done {
                Done::Inserted => unseen.inserted(by),
                Done::Deleted => unseen.deleted(by),
                Done::Own { merged } => unseen.own(*merged),
                Done::Updated(names) => {
                    let place = |name: &String| columns.iter().position(|known| known == name);
                    let changed: Vec<usize> = names.iter().filter_map(place).collect();
                    unseen.updated(&changed, by);
                }
            }
        }
        unseen
    }
}

fn collect(change: &Change<'_>, open: &mut Vec<(Option<Key>, u32, Done)>) {
    match change {
        Change::Ddl(_) | Change::Tracking { .. } => {}
        Change::Truncate { schema, table, .. } => {
            if let Some(target) = target::find_tracked(schema, table) {
                open.push((None, target.relation.to_u32(), Done::Deleted));
            }
        }
        Change::Rows(group) => {
            if let Some(target) = target::find_tracked(&group.schema, &group.table) {
                collect_rows(&target, group, open);
            }
        }
    }
}

fn collect_rows(target: &Target, group: &RowGroup<'_>, open: &mut Vec<(Option<Key>, u32, Done)>) {
    let names = group
        .changed
        .iter()
        .map(|column| group.columns[*column].to_string());
    let changed = Rc::new(names.collect::<Vec<_>>());
    for row in group.rows() {
        let Some(keys) = Keys::of(target, group, row) else {
            // The head tells of what it deletes the key only. Under a key that is none any more it may have been any row.
            if group.op == Op::Delete && target.row_key().is_some() {
                open.push((None, target.relation.to_u32(), Done::Deleted));
            }
            return;
        };
        let mut push = |key: Option<Key>, done: Done| {
            if let Some(key) = key {
                open.push((Some(key), key.table, done));
            }
        };
        match (group.op, keys.new) {
            (Op::Insert, new) => push(new, Done::Inserted),
            (Op::Delete, _) => push(keys.old, Done::Deleted),
            // A row that was moved.
            (Op::Update, Some(new)) => {
                push(keys.old, Done::Deleted);
                push(Some(new), Done::Inserted);
            }
            (Op::Update, None) => push(keys.old, Done::Updated(Rc::clone(&changed))),
        }
    }
}

/// A commit time as microseconds since 2000-01-01 UTC.
pub(super) fn microseconds(time: &str) -> i64 {
    civil::read_timestamp(time.as_bytes(), true).unwrap_or_default()
}

/// Of the row of these key values.
pub(crate) fn key_of(target: &Target, columns: &[&str], row: &[Option<String>]) -> Option<Key> {
    let key = target.row_key()?;
    let parts = key.iter().map(|name| {
        let value = columns.iter().position(|column| column == name);
        let value = value.and_then(|place| row.get(place)?.as_deref());
        (name.as_str(), value)
    });
    Some(keys::of_values(target, parts))
}
