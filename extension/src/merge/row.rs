//! One row, read and written by SQL as the texts of the wire format.

use super::exclusive;
use crate::apply::sql::quote;
use crate::apply::target::Target;
use crate::apply::write;
use crate::pg::spi::{self, Parameter, Statement};
use crate::pg::user;
use officesync_wire::Op;
use officesync_wire::decode::RowGroup;
use pgrx::pg_sys::TEXTOID;
use std::borrow::Cow;
use std::rc::Rc;

/// The texts of a row, None for NULL.
pub(crate) type Row = Vec<Option<String>>;

/// A table and the columns of the change at hand.
pub(crate) struct Table<'a> {
    pub(crate) target: &'a Target,
    pub(crate) columns: &'a [&'a str],
    /// Which of them are the key, as the change says.
    pub(crate) key: &'a [usize],
}

impl<'a> Table<'a> {
    /// The columns of the change, then those that it does not have, by name.
    pub(super) fn all_columns(&self) -> Vec<&'a str> {
        let mut all = self.columns.to_vec();
        let names = self.target.columns.keys().map(String::as_str);
        all.extend(names.filter(|name| !self.columns.contains(name)));
        all[self.columns.len()..].sort_unstable();
        all
    }

    /// The row that the key columns of `like` find, locked; None where there is none.
    pub(crate) fn read(&self, like: &[Option<&str>]) -> Option<Row> {
        let key = self.target.row_key()?;
        let parameters: Vec<Parameter<'_>> = key
            .iter()
            .map(|name| {
                let place = self.columns.iter().position(|column| column == name);
                let text = place.and_then(|place| *like.get(place)?);
                text.map_or(Parameter::Null, Parameter::Text)
            })
            .collect();
        user::acting_as(self.target.owner, || {
            spi::connected(|| {
                let rows = self.statement(key).rows(&parameters, 1);
                (rows.len() > 0).then(|| {
                    let text = |column| rows.text(0, column).map(str::to_owned);
                    (0..self.columns.len()).map(text).collect()
                })
            })
        })
    }

    fn statement(&self, key: &[String]) -> Rc<Statement> {
        let columns: Vec<String> = self.columns.iter().map(|name| (*name).to_owned()).collect();
        if let Some(known) = self.target.reads.borrow().get(&columns) {
            return Rc::clone(known);
        }
        let shown: Vec<String> = columns.iter().map(|name| self.text_of(name)).collect();
        let conditions: Vec<String> = key
            .iter()
            .enumerate()
            .map(|(nth, name)| {
                let value = self.target.value_of(name, &format!("${}", nth + 1));
                let equals = &self.target.column(name).equals;
                format!("t.{} {equals} {value}", quote(name))
            })
            .collect();
        let sql = format!(
            "SELECT {} FROM {} AS t WHERE {} FOR UPDATE",
            shown.join(", "),
            self.target.name,
            conditions.join(" AND ")
        );
        let statement = Rc::new(Statement::prepare(&sql, &vec![TEXTOID; key.len()]));
        let mut reads = self.target.reads.borrow_mut();
        reads.insert(columns, Rc::clone(&statement));
        statement
    }

    /// The rows that can't be here together with `row`, by some unique index or exclusion constraint, locked.
    pub(super) fn rivals(&self, row: &[Option<&str>]) -> Vec<Row> {
        let shown: Vec<String> = self.columns.iter().map(|name| self.text_of(name)).collect();
        let values: Vec<String> = (1..)
            .zip(self.columns)
            .map(|(nth, name)| {
                let value = self.target.value_of(name, &format!("${nth}"));
                format!("{value} AS {}", quote(name))
            })
            .collect();
        let sent = format!("(SELECT {}) AS n", values.join(", "));
        let (generated, new) = exclusive::with_generated(self.target.relation, &sent);
        let is_known = |name: &String| self.columns.contains(&&**name) || generated.contains(name);
        let parameters: Vec<Parameter<'_>> = row
            .iter()
            .map(|text| text.map_or(Parameter::Null, Parameter::Text))
            .collect();
        let mut found: Vec<Row> = Vec::new();
        for index in exclusive::indexes_of(self.target.relation) {
            if !index.columns.iter().all(is_known) {
                continue;
            }
            let sql = format!(
                "SELECT {} FROM {} AS t WHERE {} FOR UPDATE",
                shown.join(", "),
                self.target.name,
                index.condition(&new)
            );
            user::acting_as(self.target.owner, || {
                spi::connected(|| {
                    let statement = Statement::prepare(&sql, &vec![TEXTOID; row.len()]);
                    let rows = statement.rows(&parameters, 0);
                    let text = |row, column| rows.text(row, column).map(str::to_owned);
                    let row = |row| {
                        (0..self.columns.len())
                            .map(|column| text(row, column))
                            .collect()
                    };
                    found.extend((0..rows.len()).map(row));
                });
            });
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The column as an expression that gives the text it has on the wire.
    pub(super) fn text_of(&self, name: &str) -> String {
        let cast = if self.target.column(name).is_bytes() {
            "::text"
        } else {
            ""
        };
        format!("t.{}{cast}", quote(name))
    }

    /// Makes the row `old` (no row) to `new` (no row). False when it is not there any more.
    pub(super) fn write(&self, old: Option<&[Option<&str>]>, new: Option<&[Option<&str>]>) -> bool {
        let (op, values, changed) = match (old, new) {
            (None, None) => return true,
            (None, Some(new)) => (Op::Insert, new.to_vec(), Vec::new()),
            (Some(old), None) => (Op::Delete, old.to_vec(), Vec::new()),
            (Some(old), Some(new)) => {
                let changed: Vec<usize> =
                    (0..new.len()).filter(|at| old[*at] != new[*at]).collect();
                if changed.is_empty() {
                    return true;
                }
                let mut values = new.to_vec();
                values.extend(changed.iter().map(|column| old[*column]));
                (Op::Update, values, changed)
            }
        };
        let (schema, table) = (&self.target.schema, &self.target.table);
        let group = RowGroup {
            schema: Cow::Borrowed(schema),
            table: Cow::Borrowed(table),
            op,
            columns: self
                .columns
                .iter()
                .map(|name| Cow::Borrowed(*name))
                .collect(),
            key: self.key.to_vec(),
            width: values.len(),
            changed,
            values: values
                .into_iter()
                .map(|text| text.map(Cow::Borrowed))
                .collect(),
        };
        write::write_one(self.target, &group)
    }
}

/// The texts of a row, borrowed.
pub(super) fn borrowed(row: &Row) -> Vec<Option<&str>> {
    row.iter().map(Option::as_deref).collect()
}
