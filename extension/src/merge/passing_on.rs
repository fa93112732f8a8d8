//! What stands at the head, told to all: also where the head itself wrote nothing. Rows of a scoped table are told to
//! the office whose tick is applied: whoever else has the row has it as it is.

use super::row::Table;
use crate::addressed;
use crate::office::{self, Role};
use crate::pg::xact;
use crate::transaction;
use officesync_wire::{Op, encode};

/// Tells that the row stands as `row`; its office may have it otherwise.
pub(super) fn stands(table: &Table<'_>, row: &[Option<&str>]) {
    group(table, Op::Update, row);
}

/// Tells that there is no row with the key that `row` has.
pub(super) fn is_gone(table: &Table<'_>, row: &[Option<&str>]) {
    group(table, Op::Delete, row);
}

fn group(table: &Table<'_>, op: Op, row: &[Option<&str>]) {
    if office::this().role != Role::Head || table.target.direction != "both" {
        return;
    }
    let key: Vec<&str> = table
        .key
        .iter()
        .map(|column| table.columns[*column])
        .collect();
    let header = encode::group_header(&encode::Group {
        schema: &table.target.schema,
        table: &table.target.table,
        op,
        columns: table.columns,
        key: &key,
        changed: &[],
    });
    let level = xact::nest_level();
    let origin = transaction::origin().filter(|_| table.target.scope.is_some());
    let mark = origin.map(|origin| addressed::mark(&origin));
    transaction::with_buffer(|buffer| {
        buffer.group(level, |out| {
            out.extend_from_slice(mark.as_deref().unwrap_or_default());
            out.extend_from_slice(&header);
            out.push(encode::ROW_START);
            for (nth, value) in row.iter().enumerate() {
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
