//! UPDATE.

use super::key::Key;
use super::pen::Pen;
use super::table::Table;

/// Any update.
pub(super) fn random(pen: &mut Pen<'_>) -> Option<String> {
    let table = pen.table();
    let name = table.quoted();
    match pen.seed.below(10) {
        0..2 => {
            let owner = pen.owner();
            let (set, key) = (pen.assignments(table, "t"), pen.key_is(table, "t", owner));
            let allowed = pen.allowed(table, "t");
            Some(format!(
                "UPDATE {name} t SET {set} WHERE {key} AND {allowed}"
            ))
        }
        2..5 => {
            let (set, some) = (pen.assignments(table, "t"), pen.some(table, "t"));
            Some(format!("UPDATE {name} t SET {set} WHERE {some}"))
        }
        5 => {
            let other = pen.table();
            let (set, some) = (pen.assignments(table, "t"), pen.some(table, "t"));
            Some(format!(
                "UPDATE {name} t SET {set} FROM {} s WHERE {some} AND s.{} % 10 = t.{} % 10",
                other.quoted(),
                other.counter(),
                table.counter()
            ))
        }
        6 | 7 => key(pen, table),
        8 => {
            // One of several rows that may be the same in all they hold.
            let (set, some) = (pen.assignments(table, "t"), pen.some(table, "s"));
            Some(format!(
                "UPDATE {name} t SET {set} WHERE (tableoid, ctid) = (SELECT tableoid, ctid FROM {name} s WHERE {some} LIMIT 1)"
            ))
        }
        _ => {
            let partitions = table.partitionings[pen.office].names(table);
            let partition = partitions.get(pen.seed.below(partitions.len() as u64) as usize)?;
            let (set, some) = (pen.assignments(table, "t"), pen.some(table, "t"));
            Some(format!("UPDATE {partition} t SET {set} WHERE {some}"))
        }
    }
}

/// A slot is handed from row to row under a deferred constraint.
pub(super) fn swap(pen: &mut Pen<'_>) -> Option<String> {
    let table = pen.table();
    let slot = table.slot_column()?;
    let (name, owner) = (table.quoted(), pen.owner());
    let mine = format!("{} = {owner}", table.owner());
    if pen.seed.chance(40) {
        return Some(format!(
            "UPDATE {name} SET {slot} = {slot} + 4 WHERE {mine}"
        ));
    }
    let used = table.used(owner);
    let (one, other) = (
        pen.seed.below(used) * 4 + owner as u64,
        pen.seed.below(used) * 4 + owner as u64,
    );
    Some(format!(
        "UPDATE {name} SET {slot} = CASE {slot} WHEN {one} THEN {other} ELSE {one} END \
         WHERE {mine} AND {slot} IN ({one}, {other})"
    ))
}

/// Keys change.
fn key(pen: &mut Pen<'_>, table: &Table) -> Option<String> {
    let columns = table.key_columns();
    if table.key == Key::Always {
        return Some(format!(
            "UPDATE {} t SET {} = DEFAULT WHERE t.{} = {} AND t.{} < 9",
            table.quoted(),
            columns[0],
            table.owner(),
            pen.office,
            table.counter()
        ));
    }
    let moved = table.key.moved(
        &columns
            .iter()
            .map(|column| format!("t.{column}"))
            .collect::<Vec<_>>(),
        &mut pen.seed,
    );
    let some = pen.some(table, "t");
    Some(format!(
        "UPDATE {} t SET {} = {moved} WHERE {some}",
        table.quoted(),
        columns[0]
    ))
}
