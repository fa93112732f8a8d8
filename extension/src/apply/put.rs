//! Rows made what they are at the head, whatever is here: written over, or written new; gone, or gone already.
//!
//! For tables that are being loaded, where a change may come before the row it belongs to.

use super::direct::Direct;
use super::lines;
use super::target::{self, Target};
use super::window::{Shape, Window};
use super::write;
use crate::merge;
use crate::pg::writer::{Field, Gathering, TableWriter, Value};
use crate::pg::{spi, subxact, user};
use crate::refuse;
use officesync_wire::Op;
use officesync_wire::decode::{Change, RowGroup};
use officesync_wire::message::Encoding;
use pgrx::pg_sys::Oid;
use pgrx::prelude::*;
use std::collections::HashMap;

/// `officesync.put_rows(line)`: see `sql/functions/load/load_rows.sql`.
#[pg_extern(sql = false)]
fn put_rows(line: &[u8]) -> i64 {
    let mut rows = 0;
    lines::read(Encoding::Identity, line, &mut |line| {
        for change in &line.changes {
            if let Change::Rows(group) = change {
                let target = spi::connected(|| target::find(&group.schema, &group.table));
                chunk(&target, group);
                rows += group.len() as i64;
            }
        }
    });
    rows
}

/// Usually none of them is here yet.
fn chunk(target: &Target, group: &RowGroup<'_>) {
    let inserted = subxact::attempt(|| {
        insert(target, group);
        Some(())
    });
    if inserted.is_some() {
        return;
    }
    if target.row_key().is_none() {
        // Again, for the error.
        return insert(target, group);
    }
    let mut puts = Puts::default();
    puts.put(target, group);
    puts.finish();
}

fn insert(target: &Target, group: &RowGroup<'_>) {
    let shape = Shape::of(group);
    if target.plan(&shape).is_some() {
        let mut direct = Direct::default();
        // An insert finds fault with nothing but by an error.
        let _ = direct.write(target, &shape, group);
        return direct.finish();
    }
    let mut window = Window::default();
    if !window.add(&shape, group) {
        let values = group.values.iter().flatten();
        refuse::no_memory(values.map(|value| value.len()).sum());
    }
    write::write(&window);
}

/// The tables that are open for it.
#[derive(Default)]
pub(super) struct Puts {
    open: HashMap<Oid, TableWriter>,
    gathering: Option<Gathering>,
}

/// How the rows of one group are put without SQL.
struct Plan {
    /// A field for each column of the group.
    fields: Vec<Field>,
    index: Oid,
    /// The columns of that index, as indexes into the group's.
    key: Vec<usize>,
    /// Whether the rows leave their keys.
    moves: bool,
}

impl Plan {
    /// `None` where that needs SQL.
    fn of(target: &Target, group: &RowGroup<'_>, shape: &Shape) -> Option<Self> {
        // A row that is written needs all its columns.
        let is_whole = shape.op == Op::Delete || shape.columns.len() == target.columns.len();
        if !target.is_ordinary || !is_whole {
            return None;
        }
        let (index, key) = target.certain_key(shape)?;
        let fields = shape.columns.iter().map(|name| target.column(name).field());
        Some(Self {
            fields: fields.collect(),
            moves: group.changed.iter().any(|column| key.contains(column)),
            index,
            key,
        })
    }
}

impl Puts {
    /// Makes the rows of `group`, whose target has a certain key, what they are at the head.
    pub(super) fn put(&mut self, target: &Target, group: &RowGroup<'_>) {
        let shape = Shape::of(group);
        let Some(plan) = Plan::of(target, group, &shape) else {
            self.finish();
            for row in group.rows() {
                merge::branch::put(target, group, row);
            }
            return;
        };
        self.gathering.get_or_insert_with(Gathering::begin);
        user::acting_as(target.owner, || {
            let writer = self.open.entry(target.relation).or_insert_with(|| {
                let mut writer = TableWriter::open(target.relation, target.capture);
                writer.will_update(target.columns.values().map(|column| column.field().index));
                writer
            });
            for row in group.rows() {
                put_row(writer, &plan, &shape, row);
            }
        });
    }

    /// Closes all tables, so that SQL can go on.
    pub(super) fn finish(&mut self) {
        if let Some(gathering) = self.gathering.take() {
            gathering.fire();
        }
        for (_, writer) in self.open.drain() {
            writer.close();
        }
    }
}

fn put_row(
    writer: &mut TableWriter,
    plan: &Plan,
    shape: &Shape,
    row: &[officesync_wire::decode::Value<'_>],
) {
    let value = |column: usize, position: usize| -> Value<'_> {
        let text = row.get(position).and_then(Option::as_deref);
        (&plan.fields[column], text)
    };
    let old = |column: &usize| value(*column, shape.old_position(*column));
    if (shape.op == Op::Delete || plan.moves) && writer.find(plan.index, plan.key.iter().map(old)) {
        writer.delete(|_| ());
    }
    if shape.op == Op::Delete {
        return;
    }
    let new = |column: &usize| value(*column, *column);
    let all = 0..plan.fields.len();
    if writer.find(plan.index, plan.key.iter().map(new)) {
        writer.update(all.map(|column| value(column, column)), |_, _| ());
    } else {
        writer.insert(all.map(|column| value(column, column)), |_| ());
    }
}
