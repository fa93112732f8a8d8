//! The frame around the rows of one group. A header depends only on the table, the operation and the
//! set of changed columns, so capture makes it once and caches the bytes.

use super::value::{boolean, string};
use crate::Op;

/// Closes the rows and the group that a [`group_header`] opened.
pub const GROUP_END: &[u8] = b"]}";
/// Opens a row.
pub const ROW_START: u8 = b'[';
/// Closes a row.
pub const ROW_END: u8 = b']';
/// Stands between values, between rows and between groups.
pub const SEPARATOR: u8 = b',';

/// What the rows of a group have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Group<'a> {
    /// The schema of the table.
    pub schema: &'a str,
    /// The name of the table.
    pub table: &'a str,
    /// What was done to the rows.
    pub op: Op,
    /// The columns of every row, in the order of its values.
    pub columns: &'a [&'a str],
    /// The columns that identify a row: a subset of `columns`, never empty.
    pub key: &'a [&'a str],
    /// Update only: the columns whose old values follow the new ones. Ignored for other operations.
    pub changed: &'a [&'a str],
}

/// Everything of a group up to and including `"rows":[`.
pub fn group_header(group: &Group<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(96 + 16 * group.columns.len());
    table_and_op(&mut out, group.schema, group.table, group.op.as_str());
    out.extend_from_slice(b",\"columns\":");
    names(&mut out, group.columns);
    out.extend_from_slice(b",\"key\":");
    names(&mut out, group.key);
    if group.op == Op::Update {
        out.extend_from_slice(b",\"changed\":");
        names(&mut out, group.changed);
    }
    out.extend_from_slice(b",\"rows\":[");
    out
}

/// Appends a whole group that records the truncation of one table. Truncate groups that follow one
/// another are one TRUNCATE.
pub fn truncate_group(out: &mut Vec<u8>, schema: &str, table: &str, restart_identity: bool) {
    table_and_op(out, schema, table, "truncate");
    out.extend_from_slice(b",\"restart_identity\":");
    boolean(out, restart_identity);
    out.push(b'}');
}

/// What a schema change is told with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ddl<'a> {
    /// The tracked table it is about, schema and name as they were before it.
    pub table: Option<(&'a str, &'a str)>,
    /// The text: one statement.
    pub statement: &'a str,
    /// The schemas its names are looked up in, in order.
    pub search_path: &'a [&'a str],
    /// Settings that its meaning depends on, where they are not the canonical ones.
    pub settings: &'a [(&'a str, &'a str)],
}

/// Appends a whole group that records a statement.
pub fn ddl_group(out: &mut Vec<u8>, ddl: &Ddl<'_>) {
    out.push(b'{');
    if let Some((schema, table)) = ddl.table {
        out.extend_from_slice(b"\"table\":");
        names(out, &[schema, table]);
        out.push(SEPARATOR);
    }
    out.extend_from_slice(b"\"op\":\"ddl\",\"statement\":");
    string(out, ddl.statement.as_bytes());
    out.extend_from_slice(b",\"search_path\":");
    names(out, ddl.search_path);
    if !ddl.settings.is_empty() {
        out.extend_from_slice(b",\"settings\":{");
        for (index, (name, value)) in ddl.settings.iter().enumerate() {
            if index > 0 {
                out.push(SEPARATOR);
            }
            string(out, name.as_bytes());
            out.push(b':');
            string(out, value.as_bytes());
        }
        out.push(b'}');
    }
    out.push(b'}');
}

/// How a table is tracked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tracked<'a> {
    /// Which way its rows travel: `both`, `down` or `up`.
    pub direction: &'a str,
    /// The column that names the branch to which a row belongs.
    pub branch_column: Option<&'a str>,
    /// The way to the row that tells it.
    pub branch_path: Option<&'a str>,
}

/// Appends a whole group that says that a table is tracked so from here on, or (None) no longer.
pub fn tracking_group(out: &mut Vec<u8>, schema: &str, table: &str, tracked: Option<Tracked<'_>>) {
    let Some(tracked) = tracked else {
        table_and_op(out, schema, table, "untrack");
        return out.push(b'}');
    };
    table_and_op(out, schema, table, "track");
    let mut field = |name: &[u8], text: &str| {
        out.extend_from_slice(name);
        string(out, text.as_bytes());
    };
    field(b",\"direction\":", tracked.direction);
    if let Some(column) = tracked.branch_column {
        field(b",\"branch_column\":", column);
    }
    if let Some(path) = tracked.branch_path {
        field(b",\"branch_path\":", path);
    }
    out.push(b'}');
}

fn table_and_op(out: &mut Vec<u8>, schema: &str, table: &str, op: &str) {
    out.extend_from_slice(b"{\"table\":");
    names(out, &[schema, table]);
    out.extend_from_slice(b",\"op\":");
    string(out, op.as_bytes());
}

fn names(out: &mut Vec<u8>, names: &[&str]) {
    out.push(b'[');
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            out.push(SEPARATOR);
        }
        string(out, name.as_bytes());
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn update_names_its_changed_columns() {
        let header = group_header(&Group {
            schema: "public",
            table: "orders",
            op: Op::Update,
            columns: &["id", "x"],
            key: &["id"],
            changed: &["x"],
        });
        assert_eq!(
            String::from_utf8(header).unwrap(),
            r#"{"table":["public","orders"],"op":"update","columns":["id","x"],"key":["id"],"changed":["x"],"rows":["#
        );
    }

    #[test]
    fn truncate_is_a_whole_group() {
        let mut out = Vec::new();
        truncate_group(&mut out, "public", "od\"d", true);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"{"table":["public","od\"d"],"op":"truncate","restart_identity":true}"#
        );
    }
}
