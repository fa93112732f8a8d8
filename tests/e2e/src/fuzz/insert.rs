//! INSERT.

use super::column::{Column, Role};
use super::pen::{Cell, Pen};
use super::table::{Identity, Table};

/// A few rows.
pub(super) fn rows(pen: &mut Pen<'_>) -> Option<String> {
    let table = pen.table();
    let many = 1 + pen.seed.below(6);
    let partition = table.partitionings[pen.office].first(table);
    let place = partition.filter(|_| pen.seed.chance(30));
    Some(values(pen, table, many, place.as_deref()))
}

/// Rows made of rows.
pub(super) fn from_a_query(pen: &mut Pen<'_>) -> Option<String> {
    let table = pen.table();
    let some = if table.key.is_identity() {
        // The sequence gives numbers of this office, so the rows are this office's.
        format!("s.{} = {}", table.owner(), pen.office)
    } else {
        pen.some(table, "s")
    };
    let (columns, expressions) = copied(pen, table);
    Some(format!(
        "INSERT INTO {0} ({columns}) SELECT {expressions} FROM {0} s WHERE {some} LIMIT {1}",
        table.quoted(),
        1 + pen.seed.below(5)
    ))
}

/// Rows that may be there already.
pub(super) fn on_conflict(pen: &mut Pen<'_>) -> Option<String> {
    let table = pen.table();
    if !table.has_unique_key() || table.key.is_identity() {
        return None;
    }
    let key = table.key_columns().join(", ");
    let action = if pen.seed.chance(25) {
        format!("ON CONFLICT ({key}) DO NOTHING")
    } else {
        let counter = table.counter();
        let plain = table
            .columns
            .iter()
            .find(|column| matches!(column.role, Role::Plain(_)));
        let copied = plain
            .map(|column| format!(", {0} = excluded.{0}", column.quoted()))
            .unwrap_or_default();
        format!("ON CONFLICT ({key}) DO UPDATE SET {counter} = old.{counter} + 1{copied}")
    };
    let owner = pen.owner();
    let nth = pen.seed.below(table.used(owner));
    let (mut columns, mut rows) = (String::new(), Vec::new());
    for step in 0..1 + pen.seed.below(3) {
        let mut row = pen.row(table, owner, true);
        let keys = table.key.values(owner, nth + step, &mut pen.seed);
        let of_key = row
            .iter_mut()
            .filter(|(column, _)| matches!(column.role, Role::Key(_)));
        for ((_, cell), key) in of_key.zip(keys) {
            *cell = Cell::Raw(Some(key));
        }
        columns = names(&row);
        rows.push(expressions(&row));
    }
    Some(format!(
        "INSERT INTO {} AS old ({columns}) VALUES {} {action}",
        table.quoted(),
        rows.join(", ")
    ))
}

/// `INSERT INTO ... VALUES ...`, into the table or, by `place`, one of its partitions.
pub(super) fn values(pen: &mut Pen<'_>, table: &Table, many: u64, place: Option<&str>) -> String {
    let identity = table.key.is_identity() && pen.seed.chance(40);
    let owner = if table.key.is_identity() && !identity {
        pen.office
    } else {
        pen.owner()
    };
    let first = pen.row(table, owner, identity);
    let mut rows = vec![expressions(&first)];
    for _ in 1..many {
        // Without a key a row may be there twice.
        if table.identity == Identity::Whole && pen.seed.chance(40) {
            rows.push(rows[0].clone());
        } else {
            rows.push(expressions(&pen.row(table, owner, identity)));
        }
    }
    let overriding = if identity {
        " OVERRIDING SYSTEM VALUE"
    } else {
        ""
    };
    let name = place.map_or_else(|| table.quoted(), str::to_owned);
    format!(
        "INSERT INTO {name} ({}){overriding} VALUES {}",
        names(&first),
        rows.join(", ")
    )
}

/// Column names, and expressions that make a new row out of the row `s`.
pub(super) fn copied(pen: &mut Pen<'_>, table: &Table) -> (String, String) {
    let key: Vec<String> = table
        .key_columns()
        .iter()
        .map(|column| format!("s.{column}"))
        .collect();
    let moved = table.key.moved(&key, &mut pen.seed);
    let (mut names, mut expressions) = (Vec::new(), Vec::new());
    for column in table.columns.iter().filter(|column| column.is_written()) {
        let expression = match column.role {
            Role::Key(_) if table.key.is_identity() => continue,
            Role::Key(0) => moved.clone(),
            Role::Slot => continue,
            _ => format!("s.{}", column.quoted()),
        };
        names.push(column.quoted());
        expressions.push(expression);
    }
    (names.join(", "), expressions.join(", "))
}

pub(super) fn names(row: &[(&Column, Cell)]) -> String {
    let names: Vec<String> = row.iter().map(|(column, _)| column.quoted()).collect();
    names.join(", ")
}

pub(super) fn expressions(row: &[(&Column, Cell)]) -> String {
    let cells: Vec<String> = row.iter().map(|(column, cell)| cell.sql(column)).collect();
    format!("({})", cells.join(", "))
}
