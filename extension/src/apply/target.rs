//! The local table that changes are written to, and the statements that write them.

use super::window::Shape;
use crate::pg::array::text_array;
use crate::pg::catalog::Fresh;
use crate::pg::spi::{Fixed, Parameter, Statement};
use crate::refuse::refuse;
use officesync_wire::Op;
use pgrx::prelude::*;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// A tracked table of this office.
pub(super) struct Target {
    /// Quoted and qualified, with ONLY where rows of inheriting tables must not be touched.
    name: String,
    pub(super) owner: pg_sys::Oid,
    pub(super) direction: String,
    /// Type of each column, without its length, for the cast from text.
    types: HashMap<String, String>,
    statements: RefCell<HashMap<Shape, Rc<Prepared>>>,
}

/// A statement with the positions of a row that are its parameters, in order.
pub(super) struct Prepared {
    statement: Statement,
    pub(super) positions: Vec<usize>,
}

/// By schema and name.
type Targets = HashMap<(String, String), Rc<Target>>;

thread_local! {
    static TARGETS: RefCell<Fresh<Targets>> = RefCell::default();
    static TRACKED: Fixed = const {
        Fixed::new(
            "SELECT c.oid::bigint, c.relowner::bigint, t.direction, c.relkind = 'p'
             FROM officesync.tracked t
             JOIN pg_class c ON c.oid = t.relation
             JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = $1 AND c.relname = $2",
            &[pg_sys::TEXTOID, pg_sys::TEXTOID],
        )
    };
    static COLUMNS: Fixed = const {
        Fixed::new(
            "SELECT a.attname, format_type(a.atttypid, -1)
             FROM pg_attribute a
             WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
               AND a.attgenerated = ''",
            &[pg_sys::INT8OID],
        )
    };
}

/// The tracked table of that name, or an error that says what to do.
pub(super) fn find(schema: &str, table: &str) -> Rc<Target> {
    let name = (schema.to_owned(), table.to_owned());
    if let Some(known) = TARGETS.with_borrow_mut(|targets| targets.get().get(&name).cloned()) {
        return known;
    }
    let target = Rc::new(Target::read(schema, table));
    TARGETS.with_borrow_mut(|targets| targets.get().insert(name, Rc::clone(&target)));
    target
}

impl Target {
    fn read(schema: &str, table: &str) -> Self {
        let parameters = [Parameter::Text(schema), Parameter::Text(table)];
        let facts = TRACKED.with(|tracked| tracked.statement().rows(&parameters, 1));
        let Some(relation) = facts.number(0, 0) else {
            refuse(
                PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE,
                format!("table \"{schema}.{table}\" is not tracked at this office"),
                "A change of it arrived from another office.",
                "Create the table if it is missing, run officesync.track() on it, then officesync.retry().",
            )
        };
        let owner = facts.number(0, 1).unwrap_or_default();
        let only = if facts.is_true(0, 3) { "" } else { "ONLY " };
        let columns =
            COLUMNS.with(|columns| columns.statement().rows(&[Parameter::Int8(relation)], 0));
        let types = (0..columns.len())
            .filter_map(|row| Some((columns.text(row, 0)?.into(), columns.text(row, 1)?.into())))
            .collect();
        Self {
            name: format!("{only}{}.{}", quote(schema), quote(table)),
            owner: pg_sys::Oid::from(owner as u32),
            direction: facts.text(0, 2).unwrap_or_default().to_owned(),
            types,
            statements: RefCell::default(),
        }
    }

    /// The statement for changes of `shape`, prepared at its first use.
    pub(super) fn prepared(&self, shape: &Shape) -> Rc<Prepared> {
        if let Some(known) = self.statements.borrow().get(shape) {
            return Rc::clone(known);
        }
        let (sql, positions) = self.sql(shape);
        let types = vec![pg_sys::TEXTARRAYOID; positions.len()];
        let prepared = Rc::new(Prepared {
            statement: Statement::prepare(&sql, &types),
            positions,
        });
        self.statements
            .borrow_mut()
            .insert(shape.clone(), Rc::clone(&prepared));
        prepared
    }

    /// Without ONLY, which INSERT does not know.
    fn plain_name(&self) -> &str {
        self.name.strip_prefix("ONLY ").unwrap_or(&self.name)
    }

    /// TRUNCATE takes the name as it stands.
    pub(super) fn truncate_name(&self) -> &str {
        &self.name
    }

    fn sql(&self, shape: &Shape) -> (String, Vec<usize>) {
        match shape.op {
            Op::Insert => self.insert(shape),
            Op::Update => self.update(shape),
            Op::Delete => self.delete(shape),
        }
    }

    fn insert(&self, shape: &Shape) -> (String, Vec<usize>) {
        let positions: Vec<usize> = (0..shape.columns.len()).collect();
        let names: Vec<String> = shape.columns.iter().map(|name| quote(name)).collect();
        let name = self.plain_name();
        let sql = format!(
            "INSERT INTO {name} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {}",
            names.join(", "),
            self.casts(shape, &positions).join(", "),
            source(positions.len()),
        );
        (sql, positions)
    }

    fn update(&self, shape: &Shape) -> (String, Vec<usize>) {
        let key: Vec<usize> = shape
            .key
            .iter()
            .map(|column| shape.old_position(*column))
            .collect();
        let positions: Vec<usize> = key.iter().chain(&shape.changed).copied().collect();
        let casts = self.casts(shape, &positions);
        let (keys, values) = casts.split_at(key.len());
        let assignments: Vec<String> = shape
            .changed
            .iter()
            .zip(values)
            .map(|(column, value)| format!("{} = {value}", quote(&shape.columns[*column])))
            .collect();
        let sql = format!(
            "UPDATE {} AS t SET {} FROM {} WHERE {}",
            self.name,
            assignments.join(", "),
            source(positions.len()),
            matches(shape, keys),
        );
        (sql, positions)
    }

    fn delete(&self, shape: &Shape) -> (String, Vec<usize>) {
        let positions = shape.key.clone();
        let sql = format!(
            "DELETE FROM {} AS t USING {} WHERE {}",
            self.name,
            source(positions.len()),
            matches(shape, &self.casts(shape, &positions)),
        );
        (sql, positions)
    }

    /// `r.p1::uuid`, one for each position. The cast is to the type without its length: the
    /// assignment to the column then refuses what is too long, where a cast would cut it off.
    fn casts(&self, shape: &Shape, positions: &[usize]) -> Vec<String> {
        let column_at = |position: usize| match position.checked_sub(shape.columns.len()) {
            Some(nth) => &shape.columns[shape.changed[nth]],
            None => &shape.columns[position],
        };
        let cast = |(nth, position): (usize, &usize)| {
            let column = column_at(*position);
            match self.types.get(column) {
                Some(type_name) => format!("r.p{}::{type_name}", nth + 1),
                None => refuse(
                    PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN,
                    format!(
                        "table {} has no column {} that could be written",
                        self.plain_name(),
                        quote(column)
                    ),
                    "A change of it arrived from another office.",
                    "Give the table the same columns at all offices, then run officesync.retry().",
                ),
            }
        };
        positions.iter().enumerate().map(cast).collect()
    }
}

impl Prepared {
    /// Writes the rows `from..to` of `batch`; tells how many rows of the table that changed.
    pub(super) fn write(&self, batch: &super::window::Batch, from: usize, to: usize) -> u64 {
        let arrays: Vec<Parameter<'_>> = self
            .positions
            .iter()
            .map(|position| Parameter::Array(text_array(batch.values(*position, from, to))))
            .collect();
        self.statement.run(&arrays)
    }
}

/// `unnest($1, $2) AS r(p1, p2)`
fn source(parameters: usize) -> String {
    let list = |prefix: &str| {
        (1..=parameters)
            .map(|nth| format!("{prefix}{nth}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    format!("unnest({}) AS r({})", list("$"), list("p"))
}

fn matches(shape: &Shape, keys: &[String]) -> String {
    let conditions: Vec<String> = shape
        .key
        .iter()
        .zip(keys)
        .map(|(column, value)| format!("t.{} = {value}", quote(&shape.columns[*column])))
        .collect();
    conditions.join(" AND ")
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
