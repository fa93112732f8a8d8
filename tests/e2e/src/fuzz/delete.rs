//! DELETE and TRUNCATE.

use super::pen::Pen;
use crate::values::one_of;

/// Some rows go.
pub(super) fn random(pen: &mut Pen<'_>) -> Option<String> {
    let table = pen.table();
    let name = table.quoted();
    match pen.seed.below(8) {
        0..3 => {
            let owner = pen.owner();
            let (key, allowed) = (pen.key_is(table, "t", owner), pen.allowed(table, "t"));
            Some(format!("DELETE FROM {name} t WHERE {key} AND {allowed}"))
        }
        3 => {
            let other = pen.table();
            let some = pen.some(table, "t");
            Some(format!(
                "DELETE FROM {name} t USING {} s WHERE {some} AND s.{} = t.{}",
                other.quoted(),
                other.counter(),
                table.counter()
            ))
        }
        4 | 5 => {
            let some = pen.some(table, "s");
            Some(format!(
                "DELETE FROM {name} t WHERE (tableoid, ctid) = (SELECT tableoid, ctid FROM {name} s WHERE {some} LIMIT 1)"
            ))
        }
        6 => {
            let partitions = table.partitionings[pen.office].names(table);
            let partition = partitions.get(pen.seed.below(partitions.len() as u64) as usize)?;
            let some = pen.some(table, "t");
            Some(format!("DELETE FROM {partition} t WHERE {some}"))
        }
        _ => {
            let some = pen.some(table, "t");
            Some(format!("DELETE FROM {name} t WHERE {some}"))
        }
    }
}

/// All rows go, also those of the other offices: only while these write nothing.
pub(super) fn truncate(pen: &mut Pen<'_>) -> Option<String> {
    if !pen.alone {
        return None;
    }
    let table = pen.table();
    let partitions = table.partitionings[pen.office].names(table);
    let mut name = table.quoted();
    if !partitions.is_empty() && pen.seed.chance(60) {
        name = partitions[pen.seed.below(partitions.len() as u64) as usize].clone();
    }
    let how = one_of(
        &mut pen.seed,
        &[
            "",
            " RESTART IDENTITY",
            " CASCADE",
            " CASCADE",
            " RESTART IDENTITY CASCADE",
        ],
    );
    Some(format!("TRUNCATE {name}{how}"))
}
