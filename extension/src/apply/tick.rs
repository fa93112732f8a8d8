//! The lines of a tick -> rows and windows of changes, as long as nothing is in conflict.
//!
//! The rows are written at once, in a subtransaction. At the head each row has to be as the branch saw it,
//! at a branch none of them may have changes of this office that the head has not decided on. Where that
//! does not hold, all is undone, and the tick is applied again with care ([`crate::merge`]).

use super::direct::Direct;
use super::lines::{Checks, Feed, Sender};
use super::schema;
use super::scope;
use super::target::{self, Target};
use super::window::{Shape, Window};
use super::write;
use crate::merge::{pending, references, unseen};
use crate::office::Role;
use crate::pg::{catalog, spi};
use crate::refuse;
use crate::transaction;
use officesync_wire::decode::{Change, Line, RowGroup};

/// What a tick amounted to.
#[derive(Clone, Copy, Default)]
pub(crate) struct Amount {
    /// Rows changed, those of our own echo not counted.
    pub(crate) changes: i64,
    /// At a branch: the last of its own ticks that the head says it applied.
    pub(crate) acknowledged: i64,
    pub(crate) bytes: i64,
}

/// Applies a tick in which nothing is in conflict; `None` where something is, or may be.
pub(super) fn apply(sender: &Sender, feed: Feed<'_>) -> Option<Amount> {
    let mut applier = TickApplier::new(sender.clone());
    let bytes = feed(&mut |line| applier.line(line));
    applier.finish();
    if applier.needs_care {
        return None;
    }
    let is_in_conflict = match applier.checks.role() {
        Role::Head => applier.refers && !references::broken(feed).is_empty(),
        // What users had changed by the time the rows were locked is seen now.
        Role::Branch => pending::is_touched(sender, feed),
    };
    if is_in_conflict {
        return None;
    }
    Some(Amount {
        bytes,
        ..applier.amount
    })
}

struct TickApplier {
    checks: Checks,
    sender: Sender,
    direct: Direct,
    window: Window,
    truncated: Vec<(String, String)>,
    amount: Amount,
    needs_care: bool,
    /// Whether a table that was written has foreign keys, or is referred to.
    refers: bool,
}

impl TickApplier {
    fn new(sender: Sender) -> Self {
        Self {
            checks: Checks::new(sender.clone()),
            sender,
            direct: Direct::default(),
            window: Window::default(),
            truncated: Vec::new(),
            amount: Amount::default(),
            needs_care: false,
            refers: false,
        }
    }

    /// Writes what is left. Must follow the last line.
    fn finish(&mut self) {
        self.checks.finish();
        self.write_truncates();
        self.write_rows();
    }

    fn line(&mut self, line: &Line<'_>) {
        if self.checks.line(line) {
            // Our own changes, back from the head: the acknowledgement.
            let tick = line.origin_tick.unwrap_or_default();
            self.amount.acknowledged = self.amount.acknowledged.max(tick);
            if !line.merged {
                return;
            }
        }
        // What was merged is taken as it stands at the head, whatever is here.
        self.needs_care |= line.merged;
        if self.needs_care {
            return;
        }
        for change in &line.changes {
            self.change(line, change);
        }
        if self.checks.role() == Role::Head
            && let (Some(sequence), Some(time)) = (line.sequence, &line.commit_time)
        {
            self.write_truncates();
            self.write_window();
            transaction::end_applied(sequence, time);
        }
        if self.window.is_full() {
            self.write_window();
        }
    }

    fn change(&mut self, line: &Line<'_>, change: &Change<'_>) {
        match change {
            Change::Ddl(_) | Change::Tracking { .. } => {
                self.write_truncates();
                self.write_rows();
                self.needs_care |= !schema::apply(&self.checks, line, change);
                self.amount.changes += 1;
            }
            Change::Truncate { schema, table, .. } => {
                self.needs_care |= !self.lock_alone(schema, table);
                if self.needs_care {
                    return;
                }
                let target = spi::connected(|| target::find(schema, table));
                self.checks.table(&target.direction, target.plain_name());
                if self.checks.role() == Role::Head {
                    scope::check_truncate(&target, &self.sender.office);
                }
                self.write_rows();
                self.needs_care |=
                    self.checks.role() == Role::Head && unseen::is_anything(&self.sender.office);
                self.truncated.push((schema.to_string(), table.to_string()));
                self.amount.changes += 1;
            }
            Change::Rows(group) => {
                let target = spi::connected(|| target::find(&group.schema, &group.table));
                self.checks.table(&target.direction, target.plain_name());
                self.needs_care |= self.checks.role() == Role::Head
                    && !scope::is_own(&target, group, &self.sender.office);
                if self.needs_care {
                    return;
                }
                self.write_truncates();
                self.refers |= references::has_any(&target);
                self.rows(&target, group);
                self.amount.changes += group.len() as i64;
            }
        }
    }

    /// Locks a table that is to be emptied. Who has locked something already does not wait for that, lest it be a
    /// deadlock: false then. With care such tables are locked first of all.
    fn lock_alone(&self, schema: &str, table: &str) -> bool {
        match target::find_tracked(schema, table) {
            Some(target) if self.amount.changes > 0 => catalog::lock_alone_at_once(target.relation),
            Some(target) => {
                catalog::lock_alone(target.relation);
                true
            }
            None => true,
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
            self.needs_care |= !self.direct.write(target, &shape, group);
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
