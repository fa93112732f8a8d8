//! Groups of rows with a column more or less.

use officesync_wire::decode::RowGroup;

/// A group without its rows.
pub(super) fn head_of<'a>(group: &RowGroup<'a>) -> RowGroup<'a> {
    RowGroup {
        schema: group.schema.clone(),
        table: group.table.clone(),
        op: group.op,
        columns: group.columns.clone(),
        key: group.key.clone(),
        changed: group.changed.clone(),
        width: group.width,
        values: Vec::new(),
    }
}

pub(super) fn place(group: &RowGroup<'_>, column: &str) -> Option<usize> {
    group.columns.iter().position(|known| known == column)
}

/// Where in a row the values of a column stand: the new one, and the old one if there is one.
pub(super) fn positions(group: &RowGroup<'_>, place: usize) -> Vec<usize> {
    let old = group.changed.iter().position(|changed| *changed == place);
    let old = old.map(|nth| group.columns.len() + nth);
    [Some(place), old].into_iter().flatten().collect()
}

/// Takes a column out of a group.
pub(super) fn remove(group: &mut RowGroup<'_>, place: usize) {
    let positions = positions(group, place);
    let values = core::mem::take(&mut group.values);
    group.values = values
        .into_iter()
        .enumerate()
        .filter(|(position, _)| !positions.contains(&(position % group.width.max(1))))
        .map(|(_, value)| value)
        .collect();
    group.columns.remove(place);
    let moved = |columns: &[usize]| -> Vec<usize> {
        let others = columns.iter().filter(|column| **column != place);
        others
            .map(|column| column - usize::from(*column > place))
            .collect()
    };
    group.key = moved(&group.key);
    group.changed = moved(&group.changed);
    group.width = group.columns.len() + group.changed.len();
}

/// Puts a column into a group of inserts.
pub(super) fn add(group: &mut RowGroup<'_>, column: &str, value: &str) {
    let width = group.width.max(1);
    let rows = core::mem::take(&mut group.values);
    let mut values = Vec::with_capacity(rows.len() + rows.len() / width);
    for (nth, old) in rows.into_iter().enumerate() {
        values.push(old);
        if nth % width == width - 1 {
            values.push(Some(value.to_owned().into()));
        }
    }
    group.values = values;
    group.columns.push(column.to_owned().into());
    group.width += 1;
}
