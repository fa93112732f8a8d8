//! A decoded line: plain fields, all checked. Texts borrow from the line's bytes where they can.

use crate::Op;
use std::borrow::Cow;

/// One value of a row: PostgreSQL's text output, or `None` for SQL NULL.
pub type Value<'a> = Option<Cow<'a, str>>;

/// One chunk of one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'a> {
    /// The version the line is written in.
    pub version: u32,
    /// The office that authored the changes.
    pub office: Cow<'a, str>,
    /// The incarnation of that office.
    pub incarnation: Cow<'a, str>,
    /// The transaction's number; `Some` exactly on the last chunk.
    pub sequence: Option<i64>,
    /// The number of the chunk within its transaction, from 0.
    pub chunk: i32,
    /// Whether this is the transaction's final chunk.
    pub last: bool,
    /// When the user committed (a `timestamptz` in UTC); `Some` exactly on the last chunk.
    pub commit_time: Option<Cow<'a, str>>,
    /// On a line the head passed on: the tick of `office` it had applied.
    pub origin_tick: Option<i64>,
    /// Whether the result differs from what the office of origin had sent.
    pub merged: bool,
    /// From a branch: the tick of the head's log that last changed the schema its tables then had.
    pub schema_tick: Option<i64>,
    /// The changes in their order.
    pub changes: Vec<Change<'a>>,
}

impl Line<'_> {
    /// Whether this line only acknowledges a tick of its office, and changes nothing.
    pub fn is_marker(&self) -> bool {
        self.origin_tick.is_some() && self.changes.is_empty()
    }
}

/// One group of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<'a> {
    /// Rows of one table that share operation and columns.
    Rows(RowGroup<'a>),
    /// One table of a TRUNCATE; neighbours that agree on `restart_identity` are one statement.
    Truncate {
        /// The schema of the table.
        schema: Cow<'a, str>,
        /// The name of the table.
        table: Cow<'a, str>,
        /// Whether the table's sequences start again.
        restart_identity: bool,
    },
    /// A statement that changed the schema.
    Ddl(Ddl<'a>),
    /// A table that is tracked from here on, or no longer.
    Tracking {
        /// The schema of the table.
        schema: Cow<'a, str>,
        /// The name of the table.
        table: Cow<'a, str>,
        /// Which way its rows travel (`both`, `down`, `up`); `None`: it is not tracked any more.
        direction: Option<Cow<'a, str>>,
        /// The column that names the branch to which a row belongs.
        branch_column: Option<Cow<'a, str>>,
        /// The way to the row that tells it.
        branch_path: Option<Cow<'a, str>>,
    },
}

/// One statement of the data definition language, as its author wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ddl<'a> {
    /// The tracked table it is about, schema and name as they were before it.
    pub table: Option<(Cow<'a, str>, Cow<'a, str>)>,
    /// The text: one statement.
    pub statement: Cow<'a, str>,
    /// The schemas its names are looked up in, in order.
    pub search_path: Vec<Cow<'a, str>>,
    /// Settings that its meaning depends on, by name, where they were not the canonical ones.
    pub settings: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// Rows of one table that share operation, columns, key and changed columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowGroup<'a> {
    /// The schema of the table.
    pub schema: Cow<'a, str>,
    /// The name of the table.
    pub table: Cow<'a, str>,
    /// What was done to the rows.
    pub op: Op,
    /// The columns, in the order of the values; no name appears twice.
    pub columns: Vec<Cow<'a, str>>,
    /// The columns that identify a row, as indexes into `columns`; never empty.
    pub key: Vec<usize>,
    /// Update: the columns with an old value, as indexes into `columns`, in the order of those values.
    pub changed: Vec<usize>,
    /// The number of values of a row: all columns, then the old values of the changed ones.
    pub width: usize,
    /// The values of all rows, one row after another.
    pub values: Vec<Value<'a>>,
}

impl<'a> RowGroup<'a> {
    /// The number of rows.
    pub fn len(&self) -> usize {
        self.values.len().checked_div(self.width).unwrap_or(0)
    }

    /// Whether the group has no rows.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The rows, each `width` values long.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[Value<'a>]> + '_ {
        self.values.chunks_exact(self.width.max(1))
    }

    /// The row of that index, from 0.
    pub fn row(&self, index: usize) -> Option<&[Value<'a>]> {
        let start = index.checked_mul(self.width)?;
        self.values.get(start..start.checked_add(self.width)?)
    }

    /// The new values of a row of this group, in the order of `columns`; none where it was deleted.
    pub fn new_values<'r>(&self, row: &'r [Value<'a>]) -> &'r [Value<'a>] {
        match self.op {
            Op::Delete => &[],
            Op::Insert | Op::Update => row.get(..self.columns.len()).unwrap_or(&[]),
        }
    }

    /// What a column (an index into `columns`) held before the change, in a row of this group: the old
    /// value where it changed, the value it kept where not. `None` for an insert.
    pub fn old_value<'r>(&self, row: &'r [Value<'a>], column: usize) -> Option<&'r Value<'a>> {
        match self.op {
            Op::Insert => None,
            Op::Delete => row.get(column),
            Op::Update => match self.changed.iter().position(|&changed| changed == column) {
                Some(position) => row.get(self.columns.len() + position),
                None => row.get(..self.columns.len())?.get(column),
            },
        }
    }
}
