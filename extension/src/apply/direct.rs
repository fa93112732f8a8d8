//! Changes -> rows, one by one in their exact order, without SQL.
//!
//! For ordinary tables whose rows are found by a unique key. The others (partitioned tables,
//! generated columns, rows without a certain key, columns that only this office has on an insert) go through a
//! [`window`](super::window) and SQL.

use super::target::Target;
use super::window::Shape;
use crate::capture;
use crate::office::{self, Role};
use crate::pg::tuple::Tuple;
use crate::pg::user;
use crate::pg::writer::{Field, Gathering, TableWriter, Value};
use officesync_wire::Op;
use officesync_wire::decode::RowGroup;
use pgrx::pg_sys::Oid;
use std::collections::HashMap;
use std::rc::Rc;

/// How changes of one shape are written to one table.
pub(super) struct Plan {
    /// A field for each column of the shape.
    fields: Vec<Field>,
    /// The index that finds the row, and its columns as indexes into the shape's.
    key: Option<(Oid, Vec<usize>)>,
}

impl Plan {
    /// `None` where that needs SQL.
    pub(super) fn of(target: &Target, shape: &Shape) -> Option<Self> {
        if !target.is_ordinary {
            return None;
        }
        let key = match shape.op {
            Op::Insert => (shape.columns.len() == target.columns.len()).then_some(None)?,
            Op::Update | Op::Delete => {
                let (index, columns) = target.certain_key(shape)?;
                Some((index, columns))
            }
        };
        let fields = shape.columns.iter().map(|name| target.column(name).field());
        Some(Self {
            fields: fields.collect(),
            key,
        })
    }
}

/// The tables that are open for writing.
#[derive(Default)]
pub(super) struct Direct {
    open: HashMap<Oid, (TableWriter, Option<Rc<Plan>>)>,
    gathering: Option<Gathering>,
}

impl Direct {
    /// Writes the rows of `group`, for which the target has a plan. False when a row is not there, or, at
    /// the head, is not as its office saw it: then all has to be undone.
    #[must_use]
    pub(super) fn write(&mut self, target: &Target, shape: &Shape, group: &RowGroup<'_>) -> bool {
        let Some(plan) = target.plan(shape) else {
            return false;
        };
        self.gathering.get_or_insert_with(Gathering::begin);
        user::acting_as(target.owner, || {
            let (writer, last) = self
                .open
                .entry(target.relation)
                .or_insert_with(|| (TableWriter::open(target.relation, target.capture), None));
            let same = last.as_ref().is_some_and(|last| Rc::ptr_eq(last, &plan));
            if !same && shape.op == Op::Update {
                let columns = shape.changed.iter();
                writer.will_update(columns.map(|column| plan.fields[*column].index));
            }
            *last = Some(Rc::clone(&plan));
            // Our own trigger's work is done here, without the queue of AFTER triggers.
            let pass_on = (writer.fires_nothing && is_passed_on(target)).then_some(target);
            let is_written = if writer.fires_nothing && shape.op == Op::Insert && group.len() > 1 {
                insert_together(writer, &plan, group, pass_on);
                true
            } else {
                let mut rows = group.rows();
                rows.all(|row| write_row(writer, &plan, shape, row, pass_on))
            };
            // Triggers of the table's owner have the owner's rights, and no others.
            if !writer.fires_nothing
                && let Some(gathering) = self.gathering.take()
            {
                gathering.fire();
            }
            is_written
        })
    }

    /// Whether that table is open here.
    pub(super) fn holds(&self, target: &Target) -> bool {
        self.open.contains_key(&target.relation)
    }

    /// Closes all tables, so that SQL can go on.
    pub(super) fn finish(&mut self) {
        self.fire();
        for (_, (writer, _)) in self.open.drain() {
            writer.close();
        }
    }

    fn fire(&mut self) {
        if let Some(gathering) = self.gathering.take() {
            gathering.fire();
        }
    }
}

type Row<'a> = [officesync_wire::decode::Value<'a>];

fn write_row(
    writer: &mut TableWriter,
    plan: &Plan,
    shape: &Shape,
    row: &Row<'_>,
    pass_on: Option<&Target>,
) -> bool {
    let written = |old: Option<&Tuple<'_>>, new: Option<&Tuple<'_>>| {
        if let Some(target) = pass_on {
            capture::pass_on(target.relation, target.capture, old, new);
        }
    };
    let value = |column: usize, position: usize| -> Value<'_> {
        let text = row.get(position).and_then(Option::as_deref);
        (&plan.fields[column], text)
    };
    let Some((index, key)) = &plan.key else {
        let new = (0..plan.fields.len()).map(|column| value(column, column));
        writer.insert(new, |new| written(None, Some(new)));
        return true;
    };
    let old = |column: &usize| value(*column, shape.old_position(*column));
    if !writer.find(*index, key.iter().map(old)) {
        return false;
    }
    if office::this().role == Role::Head {
        // The key is equal, however it is written.
        let others = (0..plan.fields.len()).filter(|column| !key.contains(column));
        if !writer.found_is(others.map(|column| old(&column))) {
            return false;
        }
    }
    match shape.op {
        Op::Delete => writer.delete(|old| written(Some(old), None)),
        Op::Insert | Op::Update => {
            let new = shape.changed.iter().map(|column| value(*column, *column));
            writer.update(new, |old, new| written(Some(old), Some(new)));
        }
    }
    true
}

fn insert_together(
    writer: &mut TableWriter,
    plan: &Plan,
    group: &RowGroup<'_>,
    pass_on: Option<&Target>,
) {
    let rows = group.rows().map(|row| {
        let fields = plan.fields.iter().enumerate();
        fields.map(move |(column, field)| (field, row.get(column).and_then(Option::as_deref)))
    });
    writer.insert_together(rows, |new| {
        if let Some(target) = pass_on {
            capture::pass_on(target.relation, target.capture, None, Some(new));
        }
    });
}

/// Whether the other branches get these changes too.
fn is_passed_on(target: &Target) -> bool {
    office::this().role == Role::Head && target.direction == "both"
}
