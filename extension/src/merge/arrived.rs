//! A change of one row that arrived at the head, taken apart.

use super::keys::Keys;
use super::passing_on;
use super::row::{Row, Table, borrowed};
use crate::apply::scope;
use crate::ddl::mapping;
use crate::transaction;
use officesync_wire::Op;
use officesync_wire::decode::{RowGroup, Value};
use officesync_wire::merge::Change as Sent;

/// A change, taken apart.
pub(super) struct Arrived<'a> {
    pub(super) op: Op,
    pub(super) base: Option<Vec<Option<&'a str>>>,
    pub(super) theirs: Option<Vec<Option<&'a str>>>,
    /// The old values as sent.
    pub(super) old: Vec<Option<&'a str>>,
    pub(super) changed: &'a [usize],
    pub(super) keys: Keys,
    /// Whether the sender writes the key otherwise than it stands here.
    pub(super) is_key_written_otherwise: bool,
}

impl<'a> Arrived<'a> {
    pub(super) fn new(group: &'a RowGroup<'_>, row: &'a [Value<'_>], keys: Keys) -> Self {
        let width = group.columns.len();
        let text = |value: &'a Value<'_>| value.as_deref();
        let theirs = (group.op != Op::Delete).then(|| row[..width].iter().map(text).collect());
        let base = (group.op != Op::Insert).then(|| {
            (0..width)
                .map(|column| group.old_value(row, column).and_then(text))
                .collect()
        });
        let old = row.get(width..).unwrap_or_default();
        Self {
            op: group.op,
            base,
            theirs,
            old: old.iter().map(text).collect(),
            changed: &group.changed,
            keys,
            is_key_written_otherwise: false,
        }
    }

    /// Equal keys may be written differently (1.0 and 1.00): that is no difference between the rows, but the sender has
    /// to be told.
    pub(super) fn with_key_of<'r>(self, key: &[usize], ours: &'r Row) -> Arrived<'r>
    where
        'a: 'r,
    {
        let mut arrived: Arrived<'r> = self;
        let changed = arrived.changed;
        for &column in key.iter().filter(|column| !changed.contains(column)) {
            let stands = ours[column].as_deref();
            let theirs = arrived.theirs.as_ref();
            arrived.is_key_written_otherwise |= theirs.is_some_and(|row| row[column] != stands);
            for side in [&mut arrived.base, &mut arrived.theirs]
                .into_iter()
                .flatten()
            {
                side[column] = stands;
            }
        }
        arrived
    }

    pub(super) fn sent(&self) -> Sent<'_> {
        let base = self.base.as_deref().unwrap_or_default();
        let theirs = self.theirs.as_deref().unwrap_or_default();
        match self.op {
            Op::Insert => Sent::Insert { new: theirs },
            Op::Update => Sent::Update {
                new: theirs,
                old: &self.old,
                changed: self.changed,
            },
            Op::Delete => Sent::Delete { old: base },
        }
    }

    /// Tells how the row stands under each of the keys that were touched. Who wrote it under an older schema has other
    /// values in columns that it did not know of: it is told of all.
    pub(super) fn tell_all(&self, table: &Table<'_>) {
        let all = mapping::is_line_mapped().then(|| table.all_columns());
        let whole = Table {
            columns: all.as_deref().unwrap_or(table.columns),
            ..*table
        };
        for like in [&self.base, &self.theirs].into_iter().flatten() {
            let row = whole.read(like);
            let row = row.as_ref().map(borrowed);
            // A row that is another office's by now is gone for the one that sent the change.
            let has = |row: &Vec<Option<&str>>| {
                transaction::origin().is_none_or(|origin| {
                    scope::owner(table.target, whole.columns, row).includes(&origin)
                })
            };
            match row.filter(has) {
                Some(row) => passing_on::stands(&whole, &row),
                None => passing_on::is_gone(table, like),
            }
            if self.keys.each().count() < 2 {
                return;
            }
        }
    }
}
