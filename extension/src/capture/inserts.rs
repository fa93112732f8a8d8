//! Rows that are read, not captured: the group of inserts that capture would have made of them.

use super::layout::{Layout, Sink};
use crate::buffer::GroupId;
use crate::pg::catalog;
use crate::pg::tuple::Tuple;
use officesync_wire::encode;
use pgrx::pg_sys::Oid;

/// The rows of one table, in the order in which they were added.
pub(crate) struct Inserts {
    layout: Layout,
    group: Group,
    /// The columns of the key, as indexes into a row.
    key: Vec<usize>,
    last_key: Vec<u8>,
}

#[derive(Default)]
struct Group {
    bytes: Vec<u8>,
    rows: i64,
}

impl Sink for Group {
    #[inline]
    fn row(&mut self, _id: GroupId, header: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
        if self.rows == 0 {
            self.bytes.extend_from_slice(header);
        } else {
            self.bytes.push(encode::SEPARATOR);
        }
        write(&mut self.bytes);
        self.rows += 1;
    }

    fn bytes(&self) -> usize {
        self.bytes.len()
    }
}

impl Inserts {
    /// For rows of `relation`, which go by the name of `root`, with those columns only that travel. `key`: the
    /// columns whose last values are wanted.
    pub(crate) fn of(relation: Oid, root: Oid, key: &[String]) -> Self {
        let mut table = catalog::describe_as(relation, root);
        // Whom they are for is known already.
        table.arguments.clear();
        for (place, column) in table.columns.iter_mut().enumerate() {
            column.index = place;
        }
        let place = |name: &String| table.columns.iter().position(|column| column.name == *name);
        let key = key.iter().filter_map(place).collect();
        Self {
            layout: Layout::of(table),
            group: Group::default(),
            key,
            last_key: Vec::new(),
        }
    }

    /// Adds a row.
    pub(crate) fn add(&mut self, row: &Tuple<'_>) {
        self.layout.insert(&mut self.group, row);
    }

    /// Keeps the key of a row: the last one.
    pub(crate) fn end_with(&mut self, row: &Tuple<'_>) {
        self.last_key.clear();
        self.layout.write_array(&mut self.last_key, &self.key, row);
    }

    pub(crate) fn rows(&self) -> i64 {
        self.group.rows
    }

    pub(crate) fn bytes(&self) -> usize {
        self.group.bytes.len()
    }

    /// The key it ends with as a JSON array, its values as the wire format writes them.
    pub(crate) fn last_key(&self) -> Option<String> {
        let is_known = !self.last_key.is_empty() && !self.key.is_empty();
        is_known.then(|| String::from_utf8_lossy(&self.last_key).into_owned())
    }

    /// The whole group.
    pub(crate) fn finish(self) -> Vec<u8> {
        let mut bytes = self.group.bytes;
        bytes.extend_from_slice(encode::GROUP_END);
        bytes
    }
}
