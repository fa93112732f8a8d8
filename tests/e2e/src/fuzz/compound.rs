//! Statements made of statements.

use super::column::Role;
use super::insert::{self, copied};
use super::name::quote;
use super::pen::{Pen, cast, key_parts};
use super::statement::Statement;
use crate::values::literal;

/// MERGE: some rows are updated, some deleted, some inserted.
pub(super) fn merge(pen: &mut Pen<'_>) -> Option<String> {
    let table = pen.table();
    if table.key.is_identity() || !table.has_unique_key() {
        return None;
    }
    let owner = pen.owner();
    let row = pen.row(table, owner, true);
    let nth = pen.seed.below(table.used(owner) + 2);
    let keys = table.key.values(owner, nth, &mut pen.seed);
    let source: Vec<String> = key_parts(table)
        .zip(keys)
        .enumerate()
        .map(|(nth, (column, value))| format!("{} AS k{nth}", cast(&value, column)))
        .collect();
    let on: Vec<String> = key_parts(table)
        .enumerate()
        .map(|(nth, column)| format!("t.{} = s.k{nth}", column.quoted()))
        .collect();
    let values: Vec<String> = row
        .iter()
        .map(|(column, cell)| match column.role {
            Role::Key(nth) => format!("s.k{nth}"),
            _ => cell.sql(column),
        })
        .collect();
    let allowed = pen.allowed(table, "t");
    let set = pen.assignments(table, "t");
    Some(format!(
        "MERGE INTO {} t USING (SELECT {}) s ON {} AND {allowed} WHEN MATCHED AND t.{} % 3 > 0 THEN UPDATE SET {set} \
         WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT ({}) VALUES ({})",
        table.quoted(),
        source.join(", "),
        on.join(" AND "),
        table.counter(),
        insert::names(&row),
        values.join(", ")
    ))
}

/// What one part of a statement takes out another puts in.
pub(super) fn with(pen: &mut Pen<'_>) -> Option<String> {
    let table = pen.table();
    if table.key.is_identity() {
        return None;
    }
    let some = pen.some(table, "t");
    let (columns, expressions) = copied(pen, table);
    let name = table.quoted();
    if pen.seed.chance(50) {
        return Some(format!(
            "WITH s AS (DELETE FROM {name} t WHERE {some} RETURNING t.*) INSERT INTO {name} ({columns}) SELECT {expressions} FROM s"
        ));
    }
    let other = pen.table();
    let (set, more, and) = (
        pen.assignments(table, "t"),
        pen.assignments(other, "t"),
        pen.some(other, "t"),
    );
    Some(format!(
        "WITH s AS (UPDATE {name} t SET {set} WHERE {some} RETURNING t.{} AS n) \
         UPDATE {} t SET {more} WHERE {and} AND t.{} % 5 IN (SELECT n % 5 FROM s)",
        table.counter(),
        other.quoted(),
        other.counter()
    ))
}

/// A block with a loop whose turns fail one after the other, or not.
pub(super) fn block(pen: &mut Pen<'_>) -> Option<String> {
    let (one, other) = (Statement::inner(pen), Statement::inner(pen));
    let fails = pen.seed.below(4);
    Some(format!(
        "DO $block$ BEGIN FOR turn IN 1..3 LOOP BEGIN {one}; IF turn = {fails} THEN RAISE 'undone'; END IF; \
         BEGIN {other}; EXCEPTION WHEN OTHERS THEN NULL; END; EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END $block$"
    ))
}

/// A statement within a function.
pub(super) fn function(pen: &mut Pen<'_>) -> Option<String> {
    let inner = Statement::inner(pen);
    Some(format!(
        "SELECT {}.work({})",
        quote(&pen.schema.name),
        literal(&inner)
    ))
}

/// What an administrator does past all triggers: it is captured all the same.
pub(super) fn replica(pen: &mut Pen<'_>) -> Option<String> {
    // The recheck of a deferrable constraint is such a trigger: without it two rows could hold one value.
    if pen.schema.tables.iter().any(|table| table.slot.is_some()) {
        return None;
    }
    let inner = Statement::inner(pen);
    Some(format!(
        "SET LOCAL session_replication_role = replica; {inner}; SET LOCAL session_replication_role = origin"
    ))
}
