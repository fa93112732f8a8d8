//! One group of changes: its fields in any order, then the rules that hold between them.

use super::change::{Change, Ddl, RowGroup};
use super::columns::Places;
use super::rows::{Budget, Rows};
use super::scan::Scanner;
use crate::{MAX_NAME_BYTES, Op, Problem};
use std::borrow::Cow;

#[derive(Clone, Copy, PartialEq, Eq)]
enum GroupOp {
    Rows(Op),
    Truncate,
    Ddl,
    Track,
    Untrack,
}

/// A setting's name and value, or a schema and a table.
type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The fields of a group as they were found.
#[derive(Default)]
struct Fields<'a> {
    table: Option<Pair<'a>>,
    op: Option<GroupOp>,
    columns: Option<Vec<Cow<'a, str>>>,
    key: Option<Vec<Cow<'a, str>>>,
    changed: Option<Vec<Cow<'a, str>>>,
    rows: Option<Rows<'a>>,
    restart_identity: Option<bool>,
    statement: Option<Cow<'a, str>>,
    search_path: Option<Vec<Cow<'a, str>>>,
    settings: Option<Vec<Pair<'a>>>,
    direction: Option<Cow<'a, str>>,
    branch_column: Option<Cow<'a, str>>,
    branch_path: Option<Cow<'a, str>>,
}

impl Fields<'_> {
    fn has_rows(&self) -> bool {
        self.columns.is_some()
            || self.key.is_some()
            || self.changed.is_some()
            || self.rows.is_some()
    }

    fn has_tracking(&self) -> bool {
        self.direction.is_some() || self.branch_column.is_some() || self.branch_path.is_some()
    }

    fn has_statement(&self) -> bool {
        self.statement.is_some() || self.search_path.is_some() || self.settings.is_some()
    }
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
            "by_column" => {
                self.field = Some("by_column");
                let rows = self.by_column(budget)?;
                once(&mut fields.rows, rows)
            }
            "restart_identity" => {
                self.field = Some("restart_identity");
                let restart = self.boolean()?;
                once(&mut fields.restart_identity, restart)
            }
            "statement" => {
                self.field = Some("statement");
                let statement = self.string("a statement")?;
                once(&mut fields.statement, statement)
            }
            "search_path" => {
                self.field = Some("search_path");
                let schemas = self.names()?;
                once(&mut fields.search_path, schemas)
            }
            "settings" => {
                self.field = Some("settings");
                let settings = self.settings()?;
                once(&mut fields.settings, settings)
            }
            "direction" => {
                self.field = Some("direction");
                let direction = self.string(DIRECTIONS)?;
                if !matches!(&*direction, "both" | "down" | "up") {
                    return Err(Problem::Expected(DIRECTIONS));
                }
                once(&mut fields.direction, direction)
            }
            "branch_column" => {
                self.field = Some("branch_column");
                let column = self.name("a column name")?;
                once(&mut fields.branch_column, column)
            }
            "branch_path" => {
                self.field = Some("branch_path");
                let path = self.string("a path")?;
                once(&mut fields.branch_path, path)
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
        const WHAT: &str = "insert, update, delete, truncate, ddl, track or untrack";
        match &*self.string(WHAT)? {
            "insert" => Ok(GroupOp::Rows(Op::Insert)),
            "update" => Ok(GroupOp::Rows(Op::Update)),
            "delete" => Ok(GroupOp::Rows(Op::Delete)),
            "truncate" => Ok(GroupOp::Truncate),
            "ddl" => Ok(GroupOp::Ddl),
            "track" => Ok(GroupOp::Track),
            "untrack" => Ok(GroupOp::Untrack),
            _ => Err(Problem::Expected(WHAT)),
        }
    }

    fn settings(&mut self) -> Result<Vec<Pair<'a>>, Problem> {
        const LIMIT: usize = 64;
        let mut settings: Vec<Pair<'a>> = Vec::new();
        let mut first = true;
        self.expect(b'{', "an object of settings")?;
        while self.next_item(&mut first, b'}')? {
            if settings.len() == LIMIT {
                return Err(Problem::TooMany {
                    what: "settings",
                    limit: LIMIT,
                });
            }
            let name = self.field_name()?;
            if settings.iter().any(|(known, _)| *known == name) {
                return Err(Problem::DuplicateField);
            }
            let value = self.string("the value of a setting")?;
            settings.push((name, value));
        }
        Ok(settings)
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
        let op = fields.op.ok_or(Problem::MissingField("op"))?;
        if op == GroupOp::Ddl {
            return ddl(fields);
        }
        if fields.has_statement() {
            return Err(Problem::Rule("a statement belongs to ddl only"));
        }
        if matches!(op, GroupOp::Track | GroupOp::Untrack) {
            return tracking(fields, op == GroupOp::Track);
        }
        if fields.has_tracking() {
            return Err(Problem::Rule("a direction belongs to track only"));
        }
        let (schema, table) = fields.table.ok_or(Problem::MissingField("table"))?;
        let op = match op {
            GroupOp::Rows(op) => op,
            GroupOp::Ddl | GroupOp::Track | GroupOp::Untrack => {
                return Err(Problem::Rule("not rows"));
            }
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
            (self.field, self.row) = (Some(rows.field), Some(1));
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

/// A statement: its fields alone.
fn ddl<'a>(fields: Fields<'a>) -> Result<Change<'a>, Problem> {
    if fields.has_rows() || fields.restart_identity.is_some() || fields.has_tracking() {
        return Err(Problem::Rule("a statement has neither columns nor rows"));
    }
    Ok(Change::Ddl(Ddl {
        table: fields.table,
        statement: fields.statement.ok_or(Problem::MissingField("statement"))?,
        search_path: fields
            .search_path
            .ok_or(Problem::MissingField("search_path"))?,
        settings: fields.settings.unwrap_or_default(),
    }))
}

/// A table that begins or ceases to be tracked.
fn tracking<'a>(fields: Fields<'a>, begins: bool) -> Result<Change<'a>, Problem> {
    if fields.has_rows() || fields.restart_identity.is_some() {
        return Err(Problem::Rule("tracking has neither columns nor rows"));
    }
    if !begins && fields.has_tracking() {
        return Err(Problem::Rule("a direction belongs to track only"));
    }
    if begins && fields.direction.is_none() {
        return Err(Problem::MissingField("direction"));
    }
    if fields.branch_column.is_some() && fields.branch_path.is_some() {
        return Err(Problem::Rule(
            "a table has a branch column or a branch path",
        ));
    }
    let (schema, table) = fields.table.ok_or(Problem::MissingField("table"))?;
    Ok(Change::Tracking {
        schema,
        table,
        direction: fields.direction,
        branch_column: fields.branch_column,
        branch_path: fields.branch_path,
    })
}

const DIRECTIONS: &str = "both, down or up";

pub(super) fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), Problem> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Problem::DuplicateField),
    }
}
