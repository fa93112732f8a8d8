//! A window -> the tables.
//!
//! First all at once: one statement per batch, in a subtransaction. When a statement fails or does
//! not find every row (equal keys written differently, a value handed from row to row), that is
//! undone and the window is written again row by row, in the very order of the changes.

use super::target::{self, Target};
use super::window::{Batch, TableChanges, Window};
use crate::pg::spi::{self, Statement};
use crate::pg::{subxact, user};
use crate::refuse::refuse;
use officesync_wire::Op;
use pgrx::PgSqlErrorCode;

/// Windows up to this size are written row by row at once: a subtransaction would cost more.
const SMALL_ROWS: usize = 4;

/// Writes all changes of `window`.
pub(super) fn write(window: &Window) {
    if window.is_empty() {
        return;
    }
    if window.rows() <= SMALL_ROWS || subxact::attempt(|| at_once(window)).is_none() {
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
                row_missing(changes, batch, row);
            }
        }
    }
}

fn write_rows(target: &Target, batch: &Batch, from: usize, to: usize) -> u64 {
    user::acting_as(target.owner, || {
        target.prepared(&batch.shape).write(batch, from, to)
    })
}

fn row_missing(changes: &TableChanges, batch: &Batch, row: usize) -> ! {
    let shape = &batch.shape;
    let (kind, verb) = match shape.op {
        Op::Delete => ("delete_missing", "delete"),
        Op::Insert | Op::Update => ("update_missing", "update"),
    };
    let key: Vec<String> = shape
        .key
        .iter()
        .map(|column| {
            let position = shape.old_position(*column);
            let value = batch
                .values(position, row, row + 1)
                .next()
                .flatten()
                .unwrap_or("NULL");
            format!("{} = {value}", shape.columns[*column])
        })
        .collect();
    refuse(
        PgSqlErrorCode::ERRCODE_NO_DATA_FOUND,
        format!(
            "{kind}: the row to {verb} in \"{}.{}\" is not there",
            changes.schema, changes.table
        ),
        &format!("Key: {}.", key.join(", ")),
        "Compare the row at both offices, put it right, then run officesync.retry() or officesync.skip().",
    )
}

/// Empties `tables` in one statement, as the author did.
pub(super) fn truncate(tables: &[(String, String)]) {
    let Some((schema, table)) = tables.first() else {
        return;
    };
    spi::connected(|| {
        let owner = target::find(schema, table).owner;
        let names: Vec<String> = tables
            .iter()
            .map(|(schema, table)| target::find(schema, table).truncate_name().to_owned())
            .collect();
        let statement = Statement::prepare(&format!("TRUNCATE {}", names.join(", ")), &[]);
        user::acting_as(owner, || statement.run(&[]));
    });
}
