//! The user's own function that decides the conflicts of a table.

use super::ledger::{Version, object};
use super::row::{Row, Table};
use crate::pg::spi::{self, Parameter, Statement};
use crate::pg::user;
use officesync_wire::encode;
use officesync_wire::merge::{Authored, Kind};
use pgrx::pg_sys::TEXTOID;

/// Asks `function(base, ours, theirs, context)`, with the rights of the table's owner; None to park. Rows are
/// objects of texts, NULL where there is none.
pub(super) fn decide(
    table: &Table<'_>,
    function: &str,
    versions: [Version<'_>; 3],
    kind: Kind,
    theirs_by: Authored<'_>,
) -> Option<Row> {
    let names = table
        .columns
        .iter()
        .map(|name| format!("r ->> '{}'", name.replace('\'', "''")));
    let sql = format!(
        "WITH decided AS MATERIALIZED (SELECT {function}($1::jsonb, $2::jsonb, $3::jsonb, $4::jsonb) AS r) \
         SELECT {} FROM decided WHERE r IS NOT NULL",
        names.collect::<Vec<_>>().join(", ")
    );
    let rows = versions.map(|row| row.map(|row| object(table.columns, row)));
    let context = context(table, kind, theirs_by);
    let [base, ours, theirs] = &rows;
    let row = |row: &'_ Option<String>| row.clone();
    let owned = [row(base), row(ours), row(theirs), Some(context)];
    let parameters: Vec<Parameter<'_>> = owned
        .iter()
        .map(|text| text.as_deref().map_or(Parameter::Null, Parameter::Text))
        .collect();
    user::acting_as(table.target.owner, || {
        spi::connected(|| {
            let rows = Statement::prepare(&sql, &[TEXTOID; 4]).rows(&parameters, 1);
            let text = |column| rows.text(0, column).map(str::to_owned);
            (rows.len() > 0).then(|| (0..table.columns.len()).map(text).collect())
        })
    })
}

/// What the function may want to know: `{"table", "kind", "origin"}`.
fn context(table: &Table<'_>, kind: Kind, theirs_by: Authored<'_>) -> String {
    let mut out = b"{\"table\":".to_vec();
    let name = format!("{}.{}", table.target.schema, table.target.table);
    encode::string(&mut out, name.as_bytes());
    out.extend_from_slice(b",\"kind\":");
    encode::string(&mut out, kind.name().as_bytes());
    out.extend_from_slice(b",\"origin\":");
    encode::string(&mut out, theirs_by.office.as_bytes());
    out.push(b'}');
    String::from_utf8_lossy(&out).into_owned()
}
