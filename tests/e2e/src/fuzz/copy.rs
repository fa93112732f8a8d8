//! COPY FROM STDIN.

use super::insert::names;
use super::pen::{Cell, Pen};
use super::statement::Statement;

/// Rows from the client, into the table or one of its partitions, as text or as CSV.
pub(super) fn random(pen: &mut Pen<'_>) -> Option<Statement> {
    let table = pen.table();
    let owner = if table.key.is_identity() {
        pen.office
    } else {
        pen.owner()
    };
    let place = match table.partitionings[pen.office].first(table) {
        Some(partition) if pen.seed.chance(50) => partition,
        _ => table.quoted(),
    };
    let csv = pen.seed.chance(40);
    let (mut input, mut columns) = (String::new(), String::new());
    for _ in 0..1 + pen.seed.below(6) {
        let row = pen.row(table, owner, false);
        let write = if csv { csv_field } else { text_field };
        let fields: Vec<String> = row
            .iter()
            .map(|(_, cell)| match cell {
                Cell::Raw(text) => write(text.as_deref()),
                Cell::Sql(_) => write(None),
            })
            .collect();
        input.push_str(&fields.join(if csv { "," } else { "\t" }));
        input.push('\n');
        columns = names(&row);
    }
    let format = if csv { "csv" } else { "text" };
    Some(Statement {
        sql: format!("COPY {place} ({columns}) FROM STDIN WITH (FORMAT {format})"),
        input: Some(input),
    })
}

fn text_field(text: Option<&str>) -> String {
    let Some(text) = text else {
        return "\\N".to_owned();
    };
    text.replace('\\', "\\\\")
        .replace('\t', "\\t")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
}

fn csv_field(text: Option<&str>) -> String {
    // What is not in quotes and empty is NULL.
    text.map(|text| format!("\"{}\"", text.replace('"', "\"\"")))
        .unwrap_or_default()
}
