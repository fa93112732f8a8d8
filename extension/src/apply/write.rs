//! A window -> the tables.
//!
//! First all at once: one statement per batch, in a subtransaction. When a statement fails or does
//! not find every row (equal keys written differently, a value handed from row to row), that is
//! undone and the window is written again row by row, in the very order of the changes.

use super::target::{self, Target};
use super::window::{Batch, Shape, TableChanges, Window};
use crate::pg::spi::{self, Statement};
use crate::pg::{subxact, user};
use crate::refuse::refuse;
use officesync_wire::Op;
use officesync_wire::decode::RowGroup;
use pgrx::PgSqlErrorCode;
use pgrx::pg_sys::Oid;
use std::rc::Rc;

/// Windows up to this size are written row by row at once: a subtransaction would cost more.
const SMALL_ROWS: usize = 4;

/// Writes all changes of `window`.
pub(super) fn write(window: &Window) {
    if window.is_empty() {
        return;
    }
    // A huge value would lie here several times over, and may not fit an array together with others.
    let one_by_one = window.rows() <= SMALL_ROWS || window.is_huge();
    if one_by_one || subxact::attempt(|| at_once(window)).is_none() {
        spi::connected(|| window.tables.iter().for_each(in_order));
    }
}

/// `None` when a statement did not change as many rows as it was given.
fn at_once(window: &Window) -> Option<()> {
    spi::connected(|| {
        window.tables.iter().try_for_each(|changes| {
            let target = target::find(&changes.schema, &changes.table);
            changes.batches.iter().try_for_each(|batch| {
                let written = write_rows(&target, batch, 0, batch.len());
                (written == batch.len() as u64).then_some(())
            })
        })
    })
}

fn in_order(changes: &TableChanges) {
    let target = target::find(&changes.schema, &changes.table);
    for batch in &changes.batches {
        for row in 0..batch.len() {
            if write_rows(&target, batch, row, row + 1) == 0 {
                let old = |column: &usize| {
                    let position = batch.shape.old_position(*column);
                    batch.values(position, row, row + 1).next().flatten()
                };
                row_missing(&batch.shape, &changes.schema, &changes.table, old);
            }
        }
    }
}

/// Writes the only row of `group`; false when the row to change is not there.
pub(crate) fn write_one(target: &Target, group: &RowGroup<'_>) -> bool {
    let mut window = Window::default();
    window.add(&Shape::of(group), group);
    let mut batches = window.tables.iter().flat_map(|table| &table.batches);
    spi::connected(|| batches.all(|batch| write_rows(target, batch, 0, batch.len()) > 0))
}

fn write_rows(target: &Target, batch: &Batch, from: usize, to: usize) -> u64 {
    user::acting_as(target.owner, || {
        target
            .prepared(&batch.shape, to - from)
            .write(batch, from, to)
    })
}

/// The error when the row to change is not there; `old` gives the text that a column had.
pub(crate) fn row_missing<'a>(
    shape: &Shape,
    schema: &str,
    table: &str,
    old: impl Fn(&usize) -> Option<&'a str>,
) -> ! {
    let (kind, verb) = match shape.op {
        Op::Delete => ("delete_missing", "delete"),
        Op::Insert | Op::Update => ("update_missing", "update"),
    };
    let text = |column: &usize| {
        format!(
            "{} = {}",
            shape.columns[*column],
            old(column).unwrap_or("NULL")
        )
    };
    let key: Vec<String> = shape.key.iter().map(text).collect();
    refuse(
        PgSqlErrorCode::ERRCODE_NO_DATA_FOUND,
        format!("{kind}: the row to {verb} in \"{schema}.{table}\" is not there"),
        &format!("Key: {}.", key.join(", ")),
        "Compare the row at both offices, put it right, then run officesync.retry() or officesync.skip().",
    )
}

/// Empties `tables` in one statement, as the author did.
pub(crate) fn truncate(tables: &[(String, String)]) {
    let targets: Vec<Rc<Target>> = spi::connected(|| {
        let find = |(schema, table): &(String, String)| target::find(schema, table);
        tables.iter().map(find).collect()
    });
    let Some(owner) = targets.first().map(|target| target.owner) else {
        return;
    };
    let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
    let at_once = subxact::attempt(|| {
        spi::connected(|| run_as(owner, &format!("TRUNCATE {}", names.join(", "))));
        Some(())
    });
    // PostgreSQL refuses to truncate what a table outside the list references; the author's
    // statement emptied that one too, but it is not tracked and so keeps its rows here.
    if at_once.is_none() {
        spi::connected(|| {
            for target in &targets {
                run_as(target.owner, &format!("DELETE FROM {}", target.name));
            }
        });
    }
}

fn run_as(role: Oid, sql: &str) {
    let statement = Statement::prepare(sql, &[]);
    user::acting_as(role, || statement.run(&[]));
}
