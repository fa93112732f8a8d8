//! A branch's side: rows with changes that the head has not decided on yet are left alone.

use std::collections::{HashMap, VecDeque};

/// A row's key: its table, by any number that is the caller's own, and a 128-bit hash of the key's values.
/// Rows whose hashes collide would only be left alone together until both are acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The table.
    pub table: u32,
    /// The hash of the key's canonical values.
    pub hash: u128,
}

/// What a change of this office touched. One that changes a key touches two: the old and the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Touched {
    /// One row.
    Key(Key),
    /// Every row that the table has or could have.
    Table(u32),
}

/// The changes of this office that the head has not acknowledged, as what they touched.
///
/// Numbers are ticks, or sequences: whatever an acknowledgement speaks of. They never decrease.
#[derive(Debug, Clone, Default)]
pub struct Pending {
    order: VecDeque<(u64, Touched)>,
    keys: HashMap<Key, Changes>,
    tables: HashMap<u32, Changes>,
}

/// How many pending changes there are of one thing, and the number of the latest.
#[derive(Debug, Clone, Copy, Default)]
struct Changes {
    count: u32,
    latest: u64,
}

impl Changes {
    fn add(&mut self, number: u64) {
        self.count += 1;
        self.latest = number;
    }
}

impl Pending {
    /// A change was committed here. It will be acknowledged with `number`.
    pub fn push(&mut self, number: u64, touched: Touched) {
        debug_assert!(self.order.back().is_none_or(|&(last, _)| last <= number));
        self.order.push_back((number, touched));
        match touched {
            Touched::Key(key) => self.keys.entry(key).or_default().add(number),
            Touched::Table(table) => self.tables.entry(table).or_default().add(number),
        }
    }

    /// The head has decided on all changes up to and including `number`.
    pub fn acknowledge(&mut self, number: u64) {
        while let Some((_, touched)) = self.order.pop_front_if(|&mut (at, _)| at <= number) {
            match touched {
                Touched::Key(key) => release(&mut self.keys, key),
                Touched::Table(table) => release(&mut self.tables, table),
            }
        }
    }

    /// Whether a row is to be left alone: it, or its whole table, has a pending change.
    pub fn contains(&self, key: Key) -> bool {
        self.truncated(key.table) || self.keys.contains_key(&key)
    }

    /// Whether it will still be pending once everything up to and including `number` is acknowledged.
    pub fn contains_after(&self, touched: Touched, number: u64) -> bool {
        let table = match touched {
            Touched::Key(key) => {
                let changes = self.keys.get(&key);
                if changes.is_some_and(|changes| changes.latest > number) {
                    return true;
                }
                key.table
            }
            Touched::Table(table) => table,
        };
        let changes = self.tables.get(&table);
        changes.is_some_and(|changes| changes.latest > number)
    }

    /// The keys of a table that have pending changes of their own, in no order: what a TRUNCATE from the head
    /// leaves out.
    pub fn keys(&self, table: u32) -> impl Iterator<Item = Key> {
        self.keys
            .keys()
            .copied()
            .filter(move |key| key.table == table)
    }

    /// Whether a TRUNCATE of the table is pending.
    pub fn truncated(&self, table: u32) -> bool {
        self.tables.contains_key(&table)
    }

    /// Whether everything is acknowledged.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

fn release<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, Changes>, key: K) {
    if let std::collections::hash_map::Entry::Occupied(mut count) = counts.entry(key) {
        count.get_mut().count -= 1;
        if count.get().count == 0 {
            count.remove();
        }
    }
}

/// What a branch does with the changes of a line of the head's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Take {
    /// Nothing: they are its own, and stand at the head as it made them.
    Nothing,
    /// Each key as the head has it: written whole, or deleted; but for keys that are pending. A change of a
    /// key is two: the old key's deletion and the new key's row, each by itself.
    Keys,
}

impl Take {
    /// Of a line that this office authored (`own`) or not, marked `merged` or not. Acknowledge an own line
    /// before its changes are taken: what it decides on is not pending any more.
    pub const fn of(own: bool, merged: bool) -> Self {
        if own && !merged {
            Self::Nothing
        } else {
            Self::Keys
        }
    }
}
