//! A table and how each office makes it.

use std::sync::atomic::{AtomicU64, Ordering};

use super::column::{Column, Role};
use super::key::Key;
use super::name::quote;
use super::partition::Partitioning;

/// How a row is found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    /// By the primary key.
    Primary,
    /// By a unique index over NOT NULL columns; there is no primary key.
    Index,
    /// By all it holds; rows may be there twice.
    Whole,
}

/// What happens to the rows that refer to a row.
#[derive(Debug, Clone)]
pub(super) struct Reference {
    /// The number of the table referred to.
    pub(super) to: usize,
    /// `ON DELETE ... ON UPDATE ...`
    pub(super) actions: String,
}

/// A table.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) schema: String,
    pub(super) name: String,
    /// The key's columns first.
    pub(super) columns: Vec<Column>,
    pub(super) key: Key,
    pub(super) identity: Identity,
    pub(super) reference: Option<Reference>,
    /// What stands after UNIQUE (slot).
    pub(super) slot: Option<&'static str>,
    /// Per office: the order of the columns.
    pub(super) orders: Vec<Vec<usize>>,
    /// Per office.
    pub(super) partitionings: Vec<Partitioning>,
    /// The office where a column was dropped before.
    pub(super) dropped_at: Option<usize>,
    /// The number of the table it inherits from.
    pub(super) inherits: Option<usize>,
    /// Function and trigger definitions.
    pub(super) triggers: Vec<String>,
    /// The number of each office's next key.
    pub(super) next: [AtomicU64; 3],
}

impl Table {
    /// Schema and name as SQL.
    pub(super) fn quoted(&self) -> String {
        format!("{}.{}", quote(&self.schema), quote(&self.name))
    }

    /// The key's columns as SQL.
    pub(super) fn key_columns(&self) -> Vec<String> {
        self.columns
            .iter()
            .filter(|column| matches!(column.role, Role::Key(_)))
            .map(Column::quoted)
            .collect()
    }

    /// The column of this role; panics when there is none, because each table has one.
    pub(super) fn owner(&self) -> String {
        self.first(|role| matches!(role, Role::Owner))
            .expect("each table has an owner column")
    }

    /// The counter's name as SQL.
    pub(super) fn counter(&self) -> String {
        self.first(|role| matches!(role, Role::Counter))
            .expect("each table has a counter")
    }

    /// The slot's name as SQL, if there is one.
    pub(super) fn slot_column(&self) -> Option<String> {
        self.first(|role| matches!(role, Role::Slot))
    }

    /// Whether a unique index stands over the key that ON CONFLICT can name.
    pub(super) fn has_unique_key(&self) -> bool {
        self.identity != Identity::Whole
    }

    /// A key number nobody used yet, or, rarely, one that is taken.
    pub(super) fn fresh(&self, owner: usize, collide: bool) -> u64 {
        let next = self.next[owner].fetch_add(1, Ordering::Relaxed);
        if collide { next / 2 } else { next }
    }

    /// How many keys this owner has used.
    pub(super) fn used(&self, owner: usize) -> u64 {
        self.next[owner].load(Ordering::Relaxed)
    }

    /// The statements that make the table at an office.
    pub(super) fn definition(&self, office: usize, all: &[Table]) -> String {
        let inherited = self.inherits.map_or(0, |parent| all[parent].columns.len());
        let own = self.orders[office].iter().filter(|nth| **nth >= inherited);
        let mut parts: Vec<String> = own
            .map(|nth| self.column_definition(&self.columns[*nth], office))
            .collect();
        let key = self.key_columns().join(", ");
        match self.identity {
            Identity::Primary => parts.push(format!("PRIMARY KEY ({key})")),
            Identity::Index => parts.push(format!("CONSTRAINT {} UNIQUE ({key})", self.index())),
            Identity::Whole => {}
        }
        if let (Some(how), Some(slot)) = (self.slot, self.slot_column()) {
            parts.push(format!("UNIQUE ({slot}) {how}"));
        }
        if let (Some(reference), Some(column)) = (
            &self.reference,
            self.first(|role| matches!(role, Role::Reference(_))),
        ) {
            let parent = &all[reference.to];
            parts.push(format!(
                "FOREIGN KEY ({column}) REFERENCES {} ({}) {}",
                parent.quoted(),
                parent.key_columns().join(", "),
                reference.actions
            ));
        }
        let inherits = self
            .inherits
            .map(|parent| format!(" INHERITS ({})", all[parent].quoted()))
            .unwrap_or_default();
        let partitioning = &self.partitionings[office];
        let mut sql = format!(
            "CREATE TABLE {} ({}){inherits}{};\n",
            self.quoted(),
            parts.join(", "),
            partitioning.clause(self)
        );
        sql.push_str(&partitioning.partitions(self));
        if self.dropped_at == Some(office) {
            sql.push_str(&format!(
                "ALTER TABLE {0} ADD COLUMN \"gone\" bigint DEFAULT 7; ALTER TABLE {0} DROP COLUMN \"gone\";\n",
                self.quoted()
            ));
        }
        let replica = match self.identity {
            Identity::Primary => String::new(),
            Identity::Index => format!(
                "ALTER TABLE {} REPLICA IDENTITY USING INDEX {};\n",
                self.quoted(),
                self.index()
            ),
            Identity::Whole => {
                let mut members = vec![self.quoted()];
                members.extend(partitioning.names(self));
                members
                    .iter()
                    .map(|name| format!("ALTER TABLE {name} REPLICA IDENTITY FULL;\n"))
                    .collect()
            }
        };
        sql.push_str(&replica);
        sql
    }

    fn column_definition(&self, column: &Column, office: usize) -> String {
        let after = match &column.role {
            Role::Key(_) => format!(" NOT NULL{}", self.key.generated(office)),
            Role::Owner => " NOT NULL".to_owned(),
            Role::Counter => " NOT NULL DEFAULT 1".to_owned(),
            Role::Slot | Role::Reference(_) | Role::Plain(_) => String::new(),
            Role::Generated(expression) => format!(" GENERATED ALWAYS AS ({expression}) STORED"),
        };
        format!("{} {}{after}", column.quoted(), column.sql_type)
    }

    fn index(&self) -> String {
        let short: String = self.name.chars().take(20).collect();
        quote(&format!("{short} unique"))
    }

    fn first(&self, wanted: impl Fn(&Role) -> bool) -> Option<String> {
        self.columns
            .iter()
            .find(|column| wanted(&column.role))
            .map(Column::quoted)
    }
}
