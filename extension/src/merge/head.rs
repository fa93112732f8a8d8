//! At the head: a branch's tick that met changes the branch had not seen, row by row.
//!
//! First the rows are locked, then it is read who wrote what, then it is decided: whoever wrote what stands here is
//! known by then. A row can't be locked before it is there; a user who is faster with one makes the tick start again.

use super::arrived::Arrived;
use super::clock;
use super::function;
use super::keys::{self, Keys};
use super::ledger::{self, Entry};
use super::locks;
use super::passing_on;
use super::references;
use super::row::{Row, Table, borrowed};
use super::rules;
use super::truncate;
use super::unseen::{self, Others, microseconds};
use crate::apply::lines::{Checks, Feed, Sender};
use crate::apply::schema;
use crate::apply::scope;
use crate::apply::target::{self, Target};
use crate::apply::tick::Amount;
use crate::apply::window::Shape;
use crate::apply::write;
use crate::ddl::mapping;
use crate::pg::{spi, subxact};
use crate::refuse::refuse;
use crate::transaction;
use officesync_wire::Op;
use officesync_wire::decode::{Change, Line, RowGroup, Value};
use officesync_wire::merge::{
    self, Authored, Conflict, Head, Key, Kind, Outcome, Standing, Unseen, Winner,
};
use pgrx::PgSqlErrorCode;
use std::borrow::Cow;
use std::collections::HashSet;

/// Applies the tick that `feed` gives.
pub(crate) fn apply(sender: &Sender, feed: Feed<'_>) -> Amount {
    locks::lock_emptied(feed);
    let mut times = Vec::new();
    feed(&mut |line| {
        locks::lock(&line.changes);
        let time = line.commit_time.as_deref().map(microseconds);
        times.extend(time.map(clock::capped));
    });
    unseen::with(&sender.office, |others| {
        apply_with(&Tick {
            sender,
            feed,
            others,
            times,
        })
    })
}

fn apply_with(tick: &Tick<'_>) -> Amount {
    // What would leave a child without its parent waits for a person; it shows at the end of the tick.
    let mut refused = HashSet::new();
    loop {
        let mut broken = HashSet::new();
        let tried = subxact::attempt_or_code(|| {
            let amount = tick.apply(&refused);
            broken = references::broken(tick.feed);
            broken.is_subset(&refused).then_some(amount)
        });
        match tried {
            Ok(Some(amount)) => return amount,
            Ok(None) => refused.extend(broken),
            Err(PgSqlErrorCode::ERRCODE_T_R_SERIALIZATION_FAILURE) => {
                overtaken(&tick.sender.office)
            }
            // Said again, where it stops the lane.
            Err(_) => return tick.apply(&refused),
        }
    }
}

/// A user was faster with a row that was not there to be locked: the tick is tried again, and knows who it was.
fn overtaken(office: &str) -> ! {
    refuse(
        PgSqlErrorCode::ERRCODE_T_R_SERIALIZATION_FAILURE,
        format!(
            "a user of the head has just inserted a row that a tick of office \"{office}\" inserts"
        ),
        "Nothing was done.",
        "The tick is tried again by itself.",
    )
}

/// A tick, and what has to be known before it is applied.
struct Tick<'a> {
    sender: &'a Sender,
    feed: Feed<'a>,
    others: &'a Others,
    /// When each transaction was committed at the branch.
    times: Vec<i64>,
}

impl Tick<'_> {
    fn apply(&self, refused: &HashSet<Key>) -> Amount {
        transaction::nothing_merged();
        let mut merger = Merger {
            checks: Checks::new(self.sender.clone()),
            sender: self.sender,
            others: self.others,
            refused,
            times: self.times.iter(),
            time: None,
            amount: Amount::default(),
        };
        let bytes = (self.feed)(&mut |line| merger.line(line));
        merger.checks.finish();
        Amount {
            bytes,
            ..merger.amount
        }
    }
}

struct Merger<'a> {
    checks: Checks,
    sender: &'a Sender,
    others: &'a Others,
    /// The keys whose changes wait for a person.
    refused: &'a HashSet<Key>,
    /// When each of the transactions to come was committed at the branch.
    times: std::slice::Iter<'a, i64>,
    /// The time of the transaction at hand.
    time: Option<i64>,
    amount: Amount,
}

impl Merger<'_> {
    fn line(&mut self, line: &Line<'_>) {
        self.checks.line(line);
        if self.time.is_none() {
            self.time = Some(self.times.next().copied().unwrap_or_default());
        }
        let mut truncated = Vec::new();
        for change in &line.changes {
            match change {
                Change::Truncate { schema, table, .. } => {
                    truncated.push((schema.to_string(), table.to_string()));
                }
                Change::Ddl(_) | Change::Tracking { .. } => {
                    schema::refuse_branch(&self.sender.office)
                }
                Change::Rows(group) => {
                    self.truncate(&std::mem::take(&mut truncated));
                    self.rows(group);
                }
            }
        }
        self.truncate(&truncated);
        if let (Some(sequence), Some(time)) = (line.sequence, &line.commit_time) {
            transaction::end_applied(sequence, time);
            self.time = None;
        }
    }

    fn theirs_by(&self) -> Authored<'_> {
        Authored {
            office: &self.sender.office,
            commit_time: self.time.unwrap_or_default(),
        }
    }

    fn rows(&mut self, group: &RowGroup<'_>) {
        let target = spi::connected(|| target::find(&group.schema, &group.table));
        self.checks.table(&target.direction, target.plain_name());
        // Of rows that go where others go it is told one by one.
        scope::is_own(&target, group, &self.sender.office);
        let columns: Vec<&str> = group.columns.iter().map(|name| &**name).collect();
        let key = keys::columns(&target, group);
        let table = Table {
            target: &target,
            columns: &columns,
            key: key.as_deref().unwrap_or(&group.key),
        };
        for row in group.rows() {
            match Keys::of(&target, group, row) {
                Some(keys) => self.row(&table, Arrived::new(group, row, keys)),
                None => write_unkeyed(&target, group, row),
            }
            self.amount.changes += 1;
        }
    }

    fn row(&self, table: &Table<'_>, arrived: Arrived<'_>) {
        let like = arrived.base.as_deref().or(arrived.theirs.as_deref());
        let ours = like.and_then(|like| table.read(like));
        let arrived = &match &ours {
            Some(ours) => arrived.with_key_of(table.key, ours),
            None => arrived,
        };
        if self.is_anothers(table, arrived, &ours) {
            let unseen = Unseen::new(table.columns.len());
            let outcome = lost(arrived.op, ours.is_some());
            return self.settle(table, arrived, &ours, outcome, &unseen, None);
        }
        let taken = match (&arrived.keys.new, &arrived.theirs, arrived.op) {
            // By a row that is not this one: the same key may only be written otherwise.
            (Some(_), Some(theirs), Op::Update) => {
                let there = table.read(theirs);
                there.is_some() && there != ours
            }
            _ => false,
        };
        let no_one = Unseen::new(table.columns.len());
        let unseen = match arrived.keys.each().next() {
            Some(key) => self.others.of(key, table.columns),
            None => no_one,
        };
        let ours_texts = ours.as_ref().map(borrowed);
        let rules = rules::of(table.target);
        let policies = rules.columns(table.columns);
        let head = Head {
            row: ours_texts.as_deref(),
            taken,
            unseen: &unseen,
        };
        let function = rules.function.as_deref();
        let rules = rules.rules(&policies, arrived.op);
        let is_refused = arrived.keys.each().any(|key| self.refused.contains(&key));
        let outcome = if is_refused {
            Ok(parked(Kind::ForeignKeyMissing))
        } else {
            merge::merge(arrived.sent(), self.theirs_by(), head, &rules, table)
        };
        let mut outcome =
            outcome.unwrap_or_else(|error| crate::apply::lines::broken(error.to_string()));
        let is_open = |conflict: &Conflict| conflict.kind != Kind::DeleteMissing;
        let is_open = !is_refused && outcome.conflict.as_ref().is_some_and(is_open);
        let function = function.filter(|_| is_open);
        if let (Some(function), Some(conflict)) = (function, &mut outcome.conflict) {
            let versions = [
                arrived.base.as_deref(),
                ours_texts.as_deref(),
                arrived.theirs.as_deref(),
            ];
            let decided =
                function::decide(table, function, versions, conflict.kind, self.theirs_by());
            conflict.columns.clear();
            conflict.whole = Some(if decided.is_some() {
                Winner::Both
            } else {
                Winner::Parked
            });
            outcome.writes = decided.is_some();
            outcome.standing = match decided {
                Some(row) => {
                    Standing::Row(row.into_iter().map(|text| text.map(Cow::Owned)).collect())
                }
                None => Standing::Ours,
            };
        }
        self.settle(table, arrived, &ours, outcome, &unseen, function);
    }

    /// Whether the row, or the one it refers to, is another office's by now. An error where the branch never had it.
    fn is_anothers(&self, table: &Table<'_>, arrived: &Arrived<'_>, ours: &Option<Row>) -> bool {
        let sender = &self.sender.office;
        let is_its =
            |row: &[Option<&str>]| scope::owner(table.target, table.columns, row).includes(sender);
        let has_changed_hands =
            |row: &Row| -> bool { table.target.scope.is_some() && !is_its(&borrowed(row)) };
        if let Some(scope::Scope::Path(path)) = &table.target.scope {
            for row in [&arrived.base, &arrived.theirs].into_iter().flatten() {
                let parent = path.parent_key(table.columns, row);
                if is_its(row) {
                    continue;
                }
                if parent.is_some_and(|parent| self.others.was_gone(parent)) {
                    return true;
                }
                scope::forbid_parent(table.target, sender);
            }
        }
        ours.as_ref().is_some_and(has_changed_hands)
    }

    /// Writes what stands, tells the others, and records what was in conflict.
    fn settle(
        &self,
        table: &Table<'_>,
        arrived: &Arrived<'_>,
        ours: &Option<Row>,
        outcome: Outcome<'_>,
        unseen: &Unseen<'_>,
        function: Option<&str>,
    ) {
        let ours = ours.as_ref().map(borrowed);
        let Outcome {
            standing,
            writes,
            mut conflict,
        } = outcome;
        let mut merged = mapping::is_line_mapped()
            || arrived.is_key_written_otherwise
            || !matches!(standing, Standing::AsSent);
        let made: Vec<Option<Cow<'_, str>>>;
        let mut result: Option<Vec<Option<&str>>> = match standing {
            Standing::AsSent => arrived.theirs.clone(),
            Standing::Ours => ours.clone(),
            Standing::Row(row) => {
                made = row;
                Some(made.iter().map(Option::as_deref).collect())
            }
        };
        if writes
            && let Some(kind) = write(
                &self.sender.office,
                table,
                ours.as_deref(),
                result.as_deref(),
            )
        {
            conflict = parked(kind).conflict;
            result.clone_from(&ours);
            merged = true;
        }
        if let Some(conflict) = &conflict {
            merged = true;
            let (base, theirs) = (arrived.base.as_deref(), arrived.theirs.as_deref());
            let (ours, result) = (ours.as_deref(), result.as_deref());
            self.record(
                table,
                conflict,
                unseen,
                function,
                [base, ours, theirs, result],
            );
        }
        if merged {
            transaction::has_merged();
            arrived.tell_all(table);
        }
    }

    /// Tables emptied by one statement. Rows that others changed, unseen by the branch, may survive.
    fn truncate(&mut self, names: &[(String, String)]) {
        let mut whole = Vec::new();
        for (schema, name) in names {
            let target = spi::connected(|| target::find(schema, name));
            self.checks.table(&target.direction, target.plain_name());
            scope::check_truncate(&target, &self.sender.office);
            self.amount.changes += 1;
            let touched = transaction::is_merged() || self.others.touched(target.relation.to_u32());
            if target.row_key().is_none() || !touched {
                whole.push((schema.clone(), name.clone()));
            } else {
                self.truncate_row_by_row(&target);
            }
        }
        if !whole.is_empty() {
            write::truncate(&whole);
        }
    }

    fn truncate_row_by_row(&self, target: &Target) {
        let decided = transaction::is_merged();
        transaction::has_merged();
        let by = self.theirs_by();
        truncate::each_row(target, |table, key, row| {
            let mut unseen = self.others.of(key, table.columns);
            if decided {
                unseen.own(true);
            }
            let ours = borrowed(row);
            let rules = rules::of(target);
            let policies = rules.columns(table.columns);
            let delete = rules.rules(&policies, Op::Delete).delete;
            let outcome = merge::truncate(&ours, by, &unseen, delete);
            let stays = outcome.merged();
            if let Some(conflict) = &outcome.conflict {
                let result = stays.then_some(ours.as_slice());
                let versions = [None, Some(ours.as_slice()), None, result];
                self.record(table, conflict, &unseen, None, versions);
            }
            if stays {
                passing_on::stands(table, &ours);
            } else {
                table.write(Some(&ours), None);
            }
        });
    }

    fn record(
        &self,
        table: &Table<'_>,
        conflict: &Conflict,
        unseen: &Unseen<'_>,
        function: Option<&str>,
        [base, ours, theirs, result]: [ledger::Version<'_>; 4],
    ) {
        let writers = conflict.columns.iter();
        let writers = writers.filter_map(|decision| unseen.column(decision.column));
        let latest = writers.reduce(|a, b| if b.later_than(&a) { b } else { a });
        let ours_by = unseen.deletion().or(latest);
        let entry = Entry {
            origin: &self.sender.office,
            origin_tick: transaction::applied_tick(),
            base,
            ours,
            theirs,
            result,
            ours_by: ours_by.map(|by| (by.office, by.commit_time)),
            theirs_at: self.time.unwrap_or_default(),
            function,
            on_delete: rules::of(table.target).delete().name(),
        };
        ledger::record(table, conflict, &entry);
    }
}

/// The row has changed hands, or the one it refers to has: what stands is ours.
fn lost<'a>(op: Op, is_there: bool) -> Outcome<'a> {
    let kind = match (op, is_there) {
        (Op::Insert, false) => Kind::ForeignKeyMissing,
        (Op::Update, false) => Kind::UpdateMissing,
        (Op::Delete, false) => Kind::DeleteMissing,
        (Op::Insert, true) => Kind::InsertExists,
        (Op::Update, true) => Kind::UpdateOriginDiffers,
        (Op::Delete, true) => Kind::DeleteOriginDiffers,
    };
    Outcome {
        standing: Standing::Ours,
        writes: false,
        conflict: Some(Conflict {
            kind,
            columns: Vec::new(),
            whole: Some(Winner::Ours),
        }),
    }
}

/// The change waits for a person; what stands is ours.
fn parked<'a>(kind: Kind) -> Outcome<'a> {
    Outcome {
        standing: Standing::Ours,
        writes: false,
        conflict: Some(Conflict {
            kind,
            columns: Vec::new(),
            whole: Some(Winner::Parked),
        }),
    }
}

/// Makes one row into another, for `office`; the kind of conflict where other rows stand in the way.
fn write(
    office: &str,
    table: &Table<'_>,
    old: super::ledger::Version<'_>,
    new: super::ledger::Version<'_>,
) -> Option<Kind> {
    match subxact::attempt_or_code(|| table.write(old, new).then_some(())) {
        Ok(Some(())) => None,
        Err(
            PgSqlErrorCode::ERRCODE_UNIQUE_VIOLATION | PgSqlErrorCode::ERRCODE_EXCLUSION_VIOLATION,
        ) => {
            if old.is_none() && new.is_some_and(|row| table.read(row).is_some()) {
                overtaken(office);
            }
            Some(Kind::MultipleUniqueConflicts)
        }
        // Of a partitioned table it may be that there is no partition yet: that stops the lane, until there is one.
        Err(PgSqlErrorCode::ERRCODE_CHECK_VIOLATION) if !table.target.is_partitioned => {
            Some(Kind::ConstraintViolated)
        }
        Err(PgSqlErrorCode::ERRCODE_NOT_NULL_VIOLATION) => Some(Kind::ConstraintViolated),
        // Whatever else it is, it is said again where it stops the lane.
        Ok(None) | Err(_) => {
            table.write(old, new);
            None
        }
    }
}

/// Rows that no key tells apart are found by the whole of them.
pub(super) fn write_unkeyed(target: &Target, group: &RowGroup<'_>, row: &[Value<'_>]) {
    let one = RowGroup {
        values: row.to_vec(),
        ..group.clone()
    };
    if !write::write_one(target, &one) {
        let shape = Shape::of(group);
        write::row_missing(&shape, &group.schema, &group.table, |column| {
            row.get(shape.old_position(*column))?.as_deref()
        });
    }
}
