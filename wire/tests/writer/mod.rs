//! A model of a line that can be written with `encode` and says what `decode` must make of it.

use officesync_wire::Op;
use officesync_wire::decode::{Change, Ddl, Line, RowGroup};
use officesync_wire::encode::{self, Group, LineHead};
use std::borrow::Cow;

/// One value, as the capturing side knows it.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    Null,
    Text(String),
    Number(String),
    Integer(i64),
    Bool(bool),
}

/// One group.
#[derive(Debug, Clone)]
pub(crate) enum Written {
    Rows {
        schema: String,
        table: String,
        op: Op,
        columns: Vec<String>,
        key: Vec<usize>,
        changed: Vec<usize>,
        rows: Vec<Vec<Cell>>,
    },
    Truncate {
        schema: String,
        table: String,
        restart_identity: bool,
    },
    Ddl {
        table: Option<(String, String)>,
        statement: String,
        search_path: Vec<String>,
        settings: Vec<(String, String)>,
    },
    Tracking {
        schema: String,
        table: String,
        direction: Option<String>,
        branch_column: Option<String>,
    },
}

/// The line as the writer of the extension makes it.
pub(crate) fn write(head: &LineHead<'_>, changes: &[Written]) -> Vec<u8> {
    let mut out = Vec::new();
    encode::line_start(&mut out, head);
    for (index, change) in changes.iter().enumerate() {
        if index > 0 {
            out.push(encode::SEPARATOR);
        }
        write_change(&mut out, change);
    }
    encode::line_end(&mut out);
    out
}

fn write_change(out: &mut Vec<u8>, change: &Written) {
    match change {
        Written::Ddl {
            table,
            statement,
            search_path,
            settings,
        } => {
            let search_path: Vec<&str> = search_path.iter().map(String::as_str).collect();
            let settings: Vec<(&str, &str)> = settings.iter().map(borrowed).collect();
            let ddl = encode::Ddl {
                table: table.as_ref().map(borrowed),
                statement,
                search_path: &search_path,
                settings: &settings,
            };
            encode::ddl_group(out, &ddl);
        }
        Written::Tracking {
            schema,
            table,
            direction,
            branch_column,
        } => {
            let tracked = direction.as_deref().map(|direction| encode::Tracked {
                direction,
                branch_column: branch_column.as_deref(),
                branch_path: None,
            });
            encode::tracking_group(out, schema, table, tracked);
        }
        Written::Truncate {
            schema,
            table,
            restart_identity,
        } => {
            encode::truncate_group(out, schema, table, *restart_identity);
        }
        Written::Rows {
            schema,
            table,
            op,
            columns,
            key,
            changed,
            rows,
        } => {
            let names: Vec<&str> = columns.iter().map(String::as_str).collect();
            let pick = |indexes: &[usize]| indexes.iter().map(|&at| names[at]).collect::<Vec<_>>();
            out.extend_from_slice(&encode::group_header(&Group {
                schema,
                table,
                op: *op,
                columns: &names,
                key: &pick(key),
                changed: &pick(changed),
            }));
            for (number, row) in rows.iter().enumerate() {
                if number > 0 {
                    out.push(encode::SEPARATOR);
                }
                out.push(encode::ROW_START);
                for (column, cell) in row.iter().enumerate() {
                    if column > 0 {
                        out.push(encode::SEPARATOR);
                    }
                    write_cell(out, cell);
                }
                out.push(encode::ROW_END);
            }
            out.extend_from_slice(encode::GROUP_END);
        }
    }
}

fn borrowed((first, second): &(String, String)) -> (&str, &str) {
    (first, second)
}

fn write_cell(out: &mut Vec<u8>, cell: &Cell) {
    match cell {
        Cell::Null => encode::null(out),
        Cell::Text(text) => encode::string(out, text.as_bytes()),
        Cell::Number(text) => encode::raw_number(out, text.as_bytes()),
        Cell::Integer(value) => encode::integer(out, *value),
        Cell::Bool(value) => encode::boolean(out, *value),
    }
}

/// What reading that line must give.
pub(crate) fn expected<'a>(head: &LineHead<'a>, changes: &'a [Written]) -> Line<'a> {
    Line {
        version: 1,
        office: head.office.into(),
        incarnation: head.incarnation.into(),
        sequence: head.sequence,
        chunk: head.chunk,
        last: head.last,
        commit_time: head.commit_time.map(Cow::from),
        origin_tick: head.origin_tick,
        merged: head.merged,
        schema_tick: head.schema_tick,
        changes: changes.iter().map(expected_change).collect(),
    }
}

fn expected_change(change: &Written) -> Change<'_> {
    let pair =
        |(first, second): &'_ (String, String)| (first.clone().into(), second.clone().into());
    match change {
        Written::Ddl {
            table,
            statement,
            search_path,
            settings,
        } => Change::Ddl(Ddl {
            table: table.as_ref().map(pair),
            statement: statement.into(),
            search_path: search_path.iter().map(Cow::from).collect(),
            settings: settings.iter().map(pair).collect(),
        }),
        Written::Tracking {
            schema,
            table,
            direction,
            branch_column,
        } => Change::Tracking {
            schema: schema.into(),
            table: table.into(),
            direction: direction.as_ref().map(Cow::from),
            branch_column: branch_column.as_ref().map(Cow::from),
            branch_path: None,
        },
        Written::Truncate {
            schema,
            table,
            restart_identity,
        } => Change::Truncate {
            schema: schema.into(),
            table: table.into(),
            restart_identity: *restart_identity,
        },
        Written::Rows {
            schema,
            table,
            op,
            columns,
            key,
            changed,
            rows,
        } => Change::Rows(RowGroup {
            schema: schema.into(),
            table: table.into(),
            op: *op,
            columns: columns.iter().map(Cow::from).collect(),
            key: key.clone(),
            changed: changed.clone(),
            width: columns.len() + changed.len(),
            values: rows.iter().flatten().map(expected_value).collect(),
        }),
    }
}

fn expected_value(cell: &Cell) -> Option<Cow<'_, str>> {
    match cell {
        Cell::Null => None,
        Cell::Text(text) | Cell::Number(text) => Some(text.into()),
        Cell::Integer(value) => Some(value.to_string().into()),
        Cell::Bool(value) => Some(if *value { "t" } else { "f" }.into()),
    }
}
