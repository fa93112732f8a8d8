//! One group of changes: its fields in any order, then the rules that hold between them.

use super::change::{Change, RowGroup};
use super::columns::Places;
use super::rows::{Budget, Rows};
use super::scan::Scanner;
use crate::{MAX_NAME_BYTES, Op, Problem};
use std::borrow::Cow;

#[derive(Clone, Copy, PartialEq, Eq)]
enum GroupOp {
    Rows(Op),
    Truncate,
}

/// The fields of a group as they were found.
#[derive(Default)]
struct Fields<'a> {
    table: Option<(Cow<'a, str>, Cow<'a, str>)>,
    op: Option<GroupOp>,
    columns: Option<Vec<Cow<'a, str>>>,
    key: Option<Vec<Cow<'a, str>>>,
    changed: Option<Vec<Cow<'a, str>>>,
    rows: Option<Rows<'a>>,
    restart_identity: Option<bool>,
}

impl<'a> Scanner<'a> {
    pub(super) fn group(&mut self, budget: &mut Budget) -> Result<Change<'a>, Problem> {
        let mut fields = Fields::default();
        self.expect(b'{', "a group object")?;
        let mut first = true;
        while self.next_item(&mut first, b'}')? {
            self.group_field(&mut fields, budget)?;
            self.field = None;
        }
        self.change(fields)
    }

    fn group_field(&mut self, fields: &mut Fields<'a>, budget: &mut Budget) -> Result<(), Problem> {
        let name = self.field_name()?;
        match &*name {
            "table" => {
                self.field = Some("table");
                let table = self.table()?;
                once(&mut fields.table, table)
            }
            "op" => {
                self.field = Some("op");
                let op = self.op()?;
                once(&mut fields.op, op)
            }
            "columns" => {
                self.field = Some("columns");
                let names = self.names()?;
                once(&mut fields.columns, names)
            }
            "key" => {
                self.field = Some("key");
                let names = self.names()?;
                once(&mut fields.key, names)
            }
            "changed" => {
                self.field = Some("changed");
                let names = self.names()?;
                once(&mut fields.changed, names)
            }
            "rows" => {
                self.field = Some("rows");
                let rows = self.rows(budget)?;
                once(&mut fields.rows, rows)
            }
            "restart_identity" => {
                self.field = Some("restart_identity");
                let restart = self.boolean()?;
                once(&mut fields.restart_identity, restart)
            }
            other if other.starts_with("x_") => self.skip_value(self.limits.max_depth),
            _ => Err(Problem::UnknownField),
        }
    }

    fn table(&mut self) -> Result<(Cow<'a, str>, Cow<'a, str>), Problem> {
        const WHAT: &str = "[schema, table]";
        self.expect(b'[', WHAT)?;
        let schema = self.name(WHAT)?;
        self.expect(b',', WHAT)?;
        let table = self.name(WHAT)?;
        self.expect(b']', WHAT)?;
        Ok((schema, table))
    }

    fn op(&mut self) -> Result<GroupOp, Problem> {
        const WHAT: &str = "insert, update, delete or truncate";
        match &*self.string(WHAT)? {
            "insert" => Ok(GroupOp::Rows(Op::Insert)),
            "update" => Ok(GroupOp::Rows(Op::Update)),
            "delete" => Ok(GroupOp::Rows(Op::Delete)),
            "truncate" => Ok(GroupOp::Truncate),
            _ => Err(Problem::Expected(WHAT)),
        }
    }

    fn names(&mut self) -> Result<Vec<Cow<'a, str>>, Problem> {
        let limit = self.limits.max_columns;
        let mut names = Vec::with_capacity(limit.min(16));
        let mut first = true;
        self.expect(b'[', "an array of names")?;
        while self.next_item(&mut first, b']')? {
            if names.len() == limit {
                return Err(Problem::TooMany {
                    what: "columns in a group",
                    limit,
                });
            }
            names.push(self.name("a column name")?);
        }
        Ok(names)
    }

    fn name(&mut self, what: &'static str) -> Result<Cow<'a, str>, Problem> {
        let name = self.string(what)?;
        match name.len() {
            1..=MAX_NAME_BYTES => Ok(name),
            _ => Err(Problem::NameLength),
        }
    }

    /// Holds the fields against one another.
    fn change(&mut self, fields: Fields<'a>) -> Result<Change<'a>, Problem> {
        let (schema, table) = fields.table.ok_or(Problem::MissingField("table"))?;
        let op = match fields.op.ok_or(Problem::MissingField("op"))? {
            GroupOp::Rows(op) => op,
            GroupOp::Truncate => {
                if fields.columns.is_some()
                    || fields.key.is_some()
                    || fields.changed.is_some()
                    || fields.rows.is_some()
                {
                    return Err(Problem::Rule("a truncate has neither columns nor rows"));
                }
                let restart_identity = fields
                    .restart_identity
                    .ok_or(Problem::MissingField("restart_identity"))?;
                return Ok(Change::Truncate {
                    schema,
                    table,
                    restart_identity,
                });
            }
        };
        if fields.restart_identity.is_some() {
            return Err(Problem::Rule("restart_identity belongs to a truncate only"));
        }
        let changed_names = match (op, fields.changed) {
            (Op::Update, None) => return Err(Problem::MissingField("changed")),
            (Op::Insert | Op::Delete, Some(_)) => {
                return Err(Problem::Rule("\"changed\" belongs to an update only"));
            }
            (_, names) => names.unwrap_or_default(),
        };
        let columns = fields.columns.ok_or(Problem::MissingField("columns"))?;
        let key_names = fields.key.ok_or(Problem::MissingField("key"))?;
        if key_names.is_empty() {
            return Err(Problem::Rule("the key has no column"));
        }
        let rows = fields.rows.ok_or(Problem::MissingField("rows"))?;

        let places = Places::new(&columns).inspect_err(|_| self.field = Some("columns"))?;
        let key = places
            .of(&key_names)
            .inspect_err(|_| self.field = Some("key"))?;
        let changed = places
            .of(&changed_names)
            .inspect_err(|_| self.field = Some("changed"))?;

        let width = columns.len() + changed.len();
        if rows.width.is_some_and(|found| found != width) {
            (self.field, self.row) = (Some("rows"), Some(1));
            return Err(Problem::RowWidth { expected: width });
        }
        Ok(Change::Rows(RowGroup {
            schema,
            table,
            op,
            columns,
            key,
            changed,
            width,
            values: rows.values,
        }))
    }
}

pub(super) fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), Problem> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Problem::DuplicateField),
    }
}
