//! One office's choices: what to write, and to which rows it may.

use super::column::{Column, Role};
use super::schema::{OFFICES, Schema};
use super::table::Table;
use crate::seed::Seed;
use crate::values::{literal, one_of};

/// The small numbers that choose rows.
const COUNTERS: u64 = 40;

/// What is written into a column.
#[derive(Debug, Clone)]
pub(super) enum Cell {
    /// A value as text, or NULL.
    Raw(Option<String>),
    /// An expression.
    Sql(String),
}

/// The writer at an office.
#[derive(Debug)]
pub(super) struct Pen<'a> {
    pub(super) schema: &'a Schema,
    pub(super) office: usize,
    /// Nobody else writes: all rows are free.
    pub(super) alone: bool,
    pub(super) seed: Seed,
}

impl<'a> Pen<'a> {
    /// Any table.
    pub(super) fn table(&mut self) -> &'a Table {
        let nth = self.seed.below(self.schema.tables.len() as u64);
        &self.schema.tables[nth as usize]
    }

    /// An office whose rows may be written.
    pub(super) fn owner(&mut self) -> usize {
        if self.alone {
            self.seed.below(OFFICES as u64) as usize
        } else {
            self.office
        }
    }

    /// A condition that holds for rows which may be written; `row` is the table's name or alias.
    pub(super) fn allowed(&mut self, table: &Table, row: &str) -> String {
        if self.alone && self.seed.chance(40) {
            return "true".to_owned();
        }
        format!("{row}.{} = {}", table.owner(), self.owner())
    }

    /// A condition that holds for some of the rows which may be written.
    pub(super) fn some(&mut self, table: &Table, row: &str) -> String {
        let allowed = self.allowed(table, row);
        let counter = table.counter();
        let (modulus, rest) = (2 + self.seed.below(6), self.seed.below(4));
        match self.seed.below(4) {
            0 => {
                let owner = self.owner();
                format!("{allowed} AND {}", self.key_is(table, row, owner))
            }
            1 => format!(
                "{allowed} AND {row}.{counter} < {}",
                self.seed.below(COUNTERS / 2)
            ),
            _ => format!("{allowed} AND {row}.{counter} % {modulus} = {rest}"),
        }
    }

    /// `key = value`, of a key that was used before.
    pub(super) fn key_is(&mut self, table: &Table, row: &str, owner: usize) -> String {
        let nth = self.seed.below(table.used(owner));
        let values = table.key.values(owner, nth, &mut self.seed);
        let parts: Vec<String> = key_parts(table)
            .zip(values)
            .map(|(column, value)| format!("{row}.{} = {}", column.quoted(), cast(&value, column)))
            .collect();
        parts.join(" AND ")
    }

    /// A new row of `owner`. Without `identity`, what the database numbers itself is left to it.
    pub(super) fn row<'t>(
        &mut self,
        table: &'t Table,
        owner: usize,
        identity: bool,
    ) -> Vec<(&'t Column, Cell)> {
        let collide = self.seed.chance(4);
        let nth = table.fresh(owner, collide);
        let keys = table.key.values(owner, nth, &mut self.seed);
        let mut row = Vec::new();
        for column in &table.columns {
            let cell = match &column.role {
                Role::Generated(_) => continue,
                Role::Key(_) if table.key.is_identity() && !identity => continue,
                Role::Key(part) => Cell::Raw(Some(keys[*part].clone())),
                Role::Owner => Cell::Raw(Some(owner.to_string())),
                Role::Counter => Cell::Raw(Some(self.seed.below(COUNTERS).to_string())),
                Role::Slot => self.slot(owner, nth),
                Role::Reference(to) => self.reference(&self.schema.tables[*to], owner),
                Role::Plain(kind) => Cell::Raw(kind.value(&mut self.seed)),
            };
            row.push((column, cell));
        }
        row
    }

    /// `column = value` for a few columns that are no key.
    pub(super) fn assignments(&mut self, table: &Table, row: &str) -> String {
        let mut parts = Vec::new();
        for column in &table.columns {
            let Role::Plain(kind) = &column.role else {
                continue;
            };
            if self.seed.chance(40) {
                let value = match kind.value(&mut self.seed) {
                    _ if self.seed.chance(5) => "DEFAULT".to_owned(),
                    Some(value) => cast(&value, column),
                    None => "NULL".to_owned(),
                };
                parts.push(format!("{} = {value}", column.quoted()));
            }
        }
        if parts.is_empty() || self.seed.chance(70) {
            let (counter, more) = (
                table.counter(),
                one_of(&mut self.seed, &["1", "1", "7", "0"]),
            );
            parts.push(format!("{counter} = {row}.{counter} + {more}"));
        }
        parts.join(", ")
    }

    fn slot(&mut self, owner: usize, nth: u64) -> Cell {
        Cell::Raw(
            self.seed
                .chance(70)
                .then(|| (nth * 4 + owner as u64).to_string()),
        )
    }

    /// The key of a row with the same owner, if there is one.
    fn reference(&mut self, parent: &Table, owner: usize) -> Cell {
        if self.seed.chance(20) {
            return Cell::Raw(None);
        }
        let key = &parent.key_columns()[0];
        Cell::Sql(format!(
            "(SELECT {key} FROM {} WHERE {} = {owner} ORDER BY {key} OFFSET {} LIMIT 1)",
            parent.quoted(),
            parent.owner(),
            self.seed.below(4)
        ))
    }
}

impl Cell {
    /// As an expression of the column's type.
    pub(super) fn sql(&self, column: &Column) -> String {
        match self {
            Cell::Raw(Some(text)) => cast(text, column),
            Cell::Raw(None) => format!("NULL::{}", column.sql_type),
            Cell::Sql(sql) => sql.clone(),
        }
    }
}

/// The value as an expression of the column's type.
pub(super) fn cast(value: &str, column: &Column) -> String {
    format!("{}::{}", literal(value), column.sql_type)
}

/// The columns of the key, in its order.
pub(super) fn key_parts(table: &Table) -> impl Iterator<Item = &Column> {
    table
        .columns
        .iter()
        .filter(|column| matches!(column.role, Role::Key(_)))
}
