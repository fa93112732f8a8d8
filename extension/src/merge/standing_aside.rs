//! At a branch: rows of ours that a schema change of the head does not admit.
//!
//! What stands at the head fits the new schema; rows with changes that the head has not decided on may not: a NULL
//! where there may be none any more. Such rows of the table stand aside until the head has decided on them in
//! the words of the new schema, and come back as they stand there, with the acknowledgement.

use super::left_out;
use super::pending;
use super::row::{Row, Table, borrowed};
use super::unseen::key_of;
use crate::apply::target::{self, Target};
use crate::pg::spi::{self, Statement};
use crate::pg::{catalog, user};
use core::ops::ControlFlow;
use officesync_wire::decode::{Change, Ddl};
use officesync_wire::merge::{Key, Touched};
use pgrx::PgSqlErrorCode;

/// Whether that error says that rows do not fit: an integrity constraint, or a value that can't be one of a type.
pub(super) fn is_about_rows(error: PgSqlErrorCode) -> bool {
    use PgSqlErrorCode::*;
    matches!(
        error,
        ERRCODE_NOT_NULL_VIOLATION
            | ERRCODE_CHECK_VIOLATION
            | ERRCODE_UNIQUE_VIOLATION
            | ERRCODE_FOREIGN_KEY_VIOLATION
            | ERRCODE_EXCLUSION_VIOLATION
            | ERRCODE_INVALID_TEXT_REPRESENTATION
            | ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE
            | ERRCODE_STRING_DATA_RIGHT_TRUNCATION
            | ERRCODE_INVALID_DATETIME_FORMAT
            | ERRCODE_DATETIME_FIELD_OVERFLOW
            | ERRCODE_DIVISION_BY_ZERO
    )
}

/// Takes the rows of the table that `change` is about out of it, those with changes later than our tick
/// `acknowledged`, and notes them; their keys. No user writes to the table from here on.
pub(super) fn of(change: &Change<'_>, tick: i64, acknowledged: i64) -> Vec<Key> {
    let Change::Ddl(Ddl {
        table: Some((schema, name)),
        ..
    }) = change
    else {
        return Vec::new();
    };
    let Some(target) = target::find_tracked(schema, name) else {
        return Vec::new();
    };
    catalog::lock_alone(target.relation);
    pending::refresh();
    let rows = rows_of(&target, |key| {
        pending::contains(Touched::Key(key), acknowledged)
    });
    let names: Vec<&str> = key_columns(&target).collect();
    let key: Vec<usize> = (0..names.len()).collect();
    let table = Table {
        target: &target,
        columns: &names,
        key: &key,
    };
    for (key, row) in &rows {
        table.write(Some(&borrowed(row)), None);
        left_out::add(*key, tick, true);
    }
    rows.into_iter().map(|(key, _)| key).collect()
}

fn key_columns(target: &Target) -> impl Iterator<Item = &str> {
    target.row_key().into_iter().flatten().map(String::as_str)
}

/// The keys of those rows, and their values.
fn rows_of(target: &Target, is_one: impl Fn(Key) -> bool) -> Vec<(Key, Row)> {
    let names: Vec<&str> = key_columns(target).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let table = Table {
        target,
        columns: &names,
        key: &[],
    };
    let shown: Vec<String> = names.iter().map(|name| table.text_of(name)).collect();
    let sql = format!("SELECT {} FROM {} AS t", shown.join(", "), target.name);
    let mut rows = Vec::new();
    user::acting_as(target.owner, || {
        spi::connected(|| {
            Statement::prepare(&sql, &[]).each(&[], |found| {
                let text = |row, column| found.text(row, column).map(str::to_owned);
                for row in 0..found.len() {
                    let row: Row = (0..names.len()).map(|column| text(row, column)).collect();
                    if let Some(key) = key_of(target, &names, &row).filter(|key| is_one(*key)) {
                        rows.push((key, row));
                    }
                }
                ControlFlow::Continue(())
            });
        });
    });
    rows
}
