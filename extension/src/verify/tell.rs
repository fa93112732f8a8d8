//! How a row stands at the head, told to all or to one branch as an ordinary change.
//!
//! An update whose old values are the new ones: where the row is there it is made so, where it is missing it is
//! put there, and rows with changes of their own are left alone as ever. Where the head has no such row: a delete.

use crate::addressed;
use crate::apply::scope::{self, Owner};
use crate::apply::target::{self, Target};
use crate::merge::row::Table;
use crate::office;
use crate::pg::{spi, xact};
use crate::transaction;
use officesync_wire::{Op, encode};

/// Tells how the row with that key stands, locked until the end of the transaction, and returns its texts in the
/// order of the columns' names; None where there is none, which is told only if `gone`: then a lock of the caller's
/// on the table keeps such a row from coming meanwhile. `branch`: nobody else is told, and a row that is not its own is
/// none. Without it of a scoped table each branch is told of its rows, and a row that stays at the head is none.
pub(super) fn row(
    schema: &str,
    table: &str,
    key: &[String],
    values: &[String],
    gone: bool,
    branch: Option<&str>,
) -> Option<Vec<Option<String>>> {
    let target = spi::connected(|| target::find(schema, table));
    let (columns, found) = read(&target, key, values);
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let key: Vec<&str> = key.iter().map(String::as_str).collect();
    let owner = match &found {
        Some(row) => {
            let texts: Vec<Option<&str>> = row.iter().map(Option::as_deref).collect();
            scope::owner(&target, &columns, &texts)
        }
        None => Owner::All,
    };
    // Another office's row is none for this one.
    let found = found.filter(|_| branch.is_none_or(|branch| owner.includes(branch)));
    let office = match (&target.scope, owner) {
        (Some(_), Owner::Office(office)) if found.is_some() => Some(office),
        // It stays here.
        (Some(_), _) if branch.is_none() => return None,
        _ => branch.map(str::to_owned),
    };
    let office = office.as_deref();
    match &found {
        Some(row) => {
            let others = || {
                let all = columns.iter().enumerate();
                all.filter(|(_, name)| !key.contains(name))
            };
            let changed: Vec<&str> = others().map(|(_, name)| *name).collect();
            let old = others().map(|(place, _)| row[place].as_deref());
            let group = encode::Group {
                schema,
                table,
                op: Op::Update,
                columns: &columns,
                key: &key,
                changed: &changed,
            };
            put(&group, office, row.iter().map(Option::as_deref).chain(old));
        }
        None if !gone => {}
        None => {
            let group = encode::Group {
                schema,
                table,
                op: Op::Delete,
                columns: &key,
                key: &key,
                changed: &[],
            };
            put(
                &group,
                office,
                values.iter().map(|value| Some(value.as_str())),
            );
        }
    }
    found
}

/// Sends the row with that key as an insert of this office. False: there is none, or it is another's.
pub(super) fn push(schema: &str, table: &str, key: &[String], values: &[String]) -> bool {
    let target = spi::connected(|| target::find(schema, table));
    let (columns, Some(row)) = read(&target, key, values) else {
        return false;
    };
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let texts: Vec<Option<&str>> = row.iter().map(Option::as_deref).collect();
    if !scope::owner(&target, &columns, &texts).includes(&office::this().name) {
        return false;
    }
    let key: Vec<&str> = key.iter().map(String::as_str).collect();
    let group = encode::Group {
        schema,
        table,
        op: Op::Insert,
        columns: &columns,
        key: &key,
        changed: &[],
    };
    put(&group, None, row.iter().map(Option::as_deref));
    true
}

/// The columns in the order of their names, and the row, locked.
fn read(
    target: &Target,
    key: &[String],
    values: &[String],
) -> (Vec<String>, Option<Vec<Option<String>>>) {
    let mut names: Vec<String> = target.columns.keys().cloned().collect();
    names.sort_unstable();
    let columns: Vec<&str> = names.iter().map(String::as_str).collect();
    let place = |name: &String| columns.iter().position(|column| column == name);
    let places: Vec<usize> = key.iter().filter_map(place).collect();
    let mut like = vec![None; columns.len()];
    for (place, value) in places.iter().zip(values) {
        like[*place] = Some(value.as_str());
    }
    let found = Table {
        target,
        columns: &columns,
        key: &places,
    }
    .read(&like);
    (names, found)
}

fn put<'a>(
    group: &encode::Group<'_>,
    office: Option<&str>,
    values: impl Iterator<Item = Option<&'a str>>,
) {
    let mark = office.map(addressed::mark);
    let header = encode::group_header(group);
    let level = xact::nest_level();
    transaction::with_buffer(|buffer| {
        buffer.group(level, |out| {
            out.extend_from_slice(mark.as_deref().unwrap_or_default());
            out.extend_from_slice(&header);
            out.push(encode::ROW_START);
            for (nth, value) in values.enumerate() {
                if nth > 0 {
                    out.push(encode::SEPARATOR);
                }
                match value {
                    Some(text) => encode::string(out, text.as_bytes()),
                    None => encode::null(out),
                }
            }
            out.push(encode::ROW_END);
            out.extend_from_slice(encode::GROUP_END);
        });
    });
}
