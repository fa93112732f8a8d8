//! Random schemas: tables, what ties them together, and what differs between the offices.

use std::sync::atomic::AtomicU64;

use super::column::{Column, Role};
use super::key::Key;
use super::kind::Kind;
use super::name::{hostile, quote};
use super::partition::Partitioning;
use super::table::{Identity, Reference, Table};
use super::trigger;
use crate::seed::Seed;
use crate::values;

/// How many offices there are: the head and two branches.
pub(super) const OFFICES: usize = 3;

/// The tables of one seed.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) name: String,
    /// A table stands behind those it refers to.
    pub(super) tables: Vec<Table>,
}

impl Schema {
    /// The schema of a seed, always the same.
    pub(super) fn random(name: &str, seed: &mut Seed) -> Schema {
        let mut tables: Vec<Table> = Vec::new();
        for number in 0..1 + seed.below(4) as usize {
            let table = match inherited(seed, &tables) {
                Some(parent) => heir(seed, name, number, parent, &tables),
                None => table(seed, name, number, &tables),
            };
            tables.push(table);
        }
        let log = log(seed, name, tables.len());
        for (number, table) in tables.iter_mut().enumerate() {
            table.triggers = trigger::random(seed, table, number, Some(&log));
        }
        tables.push(log);
        Schema {
            name: name.to_owned(),
            tables,
        }
    }

    /// What makes it at an office.
    pub(super) fn definition(&self, office: usize) -> String {
        let mut sql = format!("CREATE SCHEMA {};\n", quote(&self.name));
        for table in &self.tables {
            sql.push_str(&table.definition(office, &self.tables));
        }
        // A statement run from within a function.
        sql.push_str(&format!(
            "CREATE FUNCTION {}.work(sql text) RETURNS void LANGUAGE plpgsql AS 'BEGIN EXECUTE sql; END';\n",
            quote(&self.name)
        ));
        self.tables
            .iter()
            .flat_map(|table| &table.triggers)
            .for_each(|trigger| sql.push_str(trigger));
        sql
    }

    /// What tracks its tables.
    pub(super) fn track(&self) -> String {
        self.each_table(|name| format!("SELECT officesync.track({name}, 'both');\n"))
    }

    /// What removes it.
    pub(super) fn removal(&self) -> String {
        let mut sql =
            self.each_table(|name| format!("SELECT officesync.untrack({name}, force => true);\n"));
        sql.push_str(&format!("DROP SCHEMA {} CASCADE;\n", quote(&self.name)));
        sql
    }

    fn each_table(&self, make: impl Fn(&str) -> String) -> String {
        self.tables
            .iter()
            .map(|table| make(&values::literal(&table.quoted())))
            .collect()
    }
}

fn table(seed: &mut Seed, schema: &str, number: usize, before: &[Table]) -> Table {
    let identity = match seed.below(10) {
        0 | 1 => Identity::Whole,
        2 | 3 => Identity::Index,
        _ => Identity::Primary,
    };
    let key = Key::random(seed);
    let ways = partitionings(seed, key, identity);
    let mut columns = key_columns(seed, key);
    columns.push(column(seed, "o", "integer", Role::Owner));
    columns.push(column(seed, "n", "integer", Role::Counter));
    let slot = (ways.iter().all(|way| *way == Partitioning::None) && seed.chance(40))
        .then(|| values::one_of(seed, &["DEFERRABLE INITIALLY DEFERRED", "DEFERRABLE"]));
    if slot.is_some() {
        columns.push(column(seed, "slot", "integer", Role::Slot));
    }
    let reference = seed.chance(60).then(|| reference(seed, before)).flatten();
    if let Some(reference) = &reference {
        let sql_type = before[reference.to].key.columns()[0].1;
        columns.push(column(seed, "ref", sql_type, Role::Reference(reference.to)));
    }
    for nth in 0..1 + seed.below(6) {
        let kind = Kind::random(seed);
        columns.push(column(
            seed,
            &format!("c{nth}"),
            kind.sql,
            Role::Plain(kind),
        ));
    }
    if seed.chance(30) {
        let expression = format!(
            "{} * 2 + 1",
            named(&columns, |role| matches!(role, Role::Counter))
        );
        columns.push(column(seed, "made", "bigint", Role::Generated(expression)));
    }
    Table {
        schema: schema.to_owned(),
        name: hostile(seed, &format!("t{number}")),
        orders: orders(seed, columns.len()),
        columns,
        key,
        identity,
        reference,
        slot,
        partitionings: ways,
        dropped_at: seed.chance(30).then(|| seed.below(OFFICES as u64) as usize),
        inherits: None,
        triggers: Vec::new(),
        next: starts(),
    }
}

/// A table that inherits from another. It is tracked by itself.
fn heir(seed: &mut Seed, schema: &str, number: usize, parent: usize, before: &[Table]) -> Table {
    let from = &before[parent];
    let mut columns = from.columns.clone();
    let kind = Kind::random(seed);
    columns.push(column(seed, "more", kind.sql, Role::Plain(kind)));
    Table {
        schema: schema.to_owned(),
        name: hostile(seed, &format!("heir{number}")),
        // Inherited columns come in the parent's order whatever is said here.
        orders: from
            .orders
            .iter()
            .map(|order| order.iter().copied().chain([columns.len() - 1]).collect())
            .collect(),
        columns,
        key: from.key,
        identity: from.identity,
        reference: None,
        slot: None,
        partitionings: from.partitionings.clone(),
        dropped_at: None,
        inherits: Some(parent),
        triggers: Vec::new(),
        next: starts(),
    }
}

/// A plain table that no statement has to fill: triggers do.
fn log(seed: &mut Seed, schema: &str, number: usize) -> Table {
    let mut columns = key_columns(seed, Key::Uuid);
    columns.push(column(seed, "o", "integer", Role::Owner));
    columns.push(column(seed, "n", "integer", Role::Counter));
    Table {
        schema: schema.to_owned(),
        name: hostile(seed, &format!("log{number}")),
        orders: orders(seed, columns.len()),
        columns,
        key: Key::Uuid,
        identity: Identity::Primary,
        reference: None,
        slot: None,
        partitionings: vec![Partitioning::None; OFFICES],
        dropped_at: None,
        inherits: None,
        triggers: Vec::new(),
        next: starts(),
    }
}

fn inherited(seed: &mut Seed, before: &[Table]) -> Option<usize> {
    if before.is_empty() || !seed.chance(15) {
        return None;
    }
    let parent = seed.below(before.len() as u64) as usize;
    let from = &before[parent];
    // Neither partitions, nor identity columns, nor constraints over the whole tree can be inherited.
    let plain = from
        .partitionings
        .iter()
        .all(|way| *way == Partitioning::None);
    (plain && !from.key.is_identity() && from.inherits.is_none()).then_some(parent)
}

fn reference(seed: &mut Seed, before: &[Table]) -> Option<Reference> {
    let to = seed.below(before.len().max(1) as u64) as usize;
    let parent = before.get(to)?;
    let usable = parent.identity != Identity::Whole && parent.key != Key::Pair;
    usable.then(|| Reference {
        to,
        actions: values::one_of(
            seed,
            &[
                "ON DELETE CASCADE ON UPDATE CASCADE",
                "ON DELETE SET NULL ON UPDATE CASCADE",
                "ON DELETE CASCADE ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED",
                "ON DELETE SET NULL ON UPDATE SET NULL",
            ],
        )
        .to_owned(),
    })
}

fn partitionings(seed: &mut Seed, key: Key, identity: Identity) -> Vec<Partitioning> {
    if !seed.chance(35) {
        return vec![Partitioning::None; OFFICES];
    }
    let way = Partitioning::random(seed, key, identity);
    let differently = seed.chance(40);
    (0..OFFICES)
        .map(|_| match seed.below(3) {
            0 if differently => Partitioning::None,
            1 if differently => Partitioning::random(seed, key, identity),
            _ => way,
        })
        .collect()
}

/// The same order at the head, another one at a branch in some seeds.
fn orders(seed: &mut Seed, columns: usize) -> Vec<Vec<usize>> {
    let differently = seed.chance(40);
    (0..OFFICES)
        .map(|office| {
            let mut order: Vec<usize> = (0..columns).collect();
            if office > 0 && differently {
                for nth in (1..columns).rev() {
                    order.swap(nth, seed.below(nth as u64 + 1) as usize);
                }
            }
            order
        })
        .collect()
}

fn key_columns(seed: &mut Seed, key: Key) -> Vec<Column> {
    let parts = key.columns().iter().enumerate();
    parts
        .map(|(nth, (name, sql_type))| column(seed, name, sql_type, Role::Key(nth)))
        .collect()
}

fn column(seed: &mut Seed, name: &str, sql_type: &str, role: Role) -> Column {
    Column {
        name: hostile(seed, name),
        sql_type: sql_type.to_owned(),
        role,
    }
}

fn named(columns: &[Column], wanted: impl Fn(&Role) -> bool) -> String {
    columns
        .iter()
        .find(|column| wanted(&column.role))
        .map(Column::quoted)
        .unwrap_or_default()
}

fn starts() -> [AtomicU64; OFFICES] {
    std::array::from_fn(|_| AtomicU64::new(1))
}
