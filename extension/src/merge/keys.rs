//! By what a row is known in memory.

use crate::apply::target::Target;
use officesync_wire::Op;
use officesync_wire::decode::{RowGroup, Value};
use officesync_wire::merge::Key;
use std::hash::{DefaultHasher, Hasher};

/// The keys that a change touches: the one the row had, and the one it has now; of a change that keeps the
/// key only one. None where the table has no certain key.
pub(super) struct Keys {
    pub(super) old: Option<Key>,
    pub(super) new: Option<Key>,
}

impl Keys {
    /// Of a row of `group`.
    pub(super) fn of(target: &Target, group: &RowGroup<'_>, row: &[Value<'_>]) -> Option<Self> {
        let columns = columns(target, group)?;
        let old = || {
            key(target, group, &columns, |column| {
                group.old_value(row, column)?.as_deref()
            })
        };
        let new = || {
            key(target, group, &columns, |column| {
                row.get(column)?.as_deref()
            })
        };
        Some(match group.op {
            Op::Insert => Self {
                old: None,
                new: Some(new()),
            },
            Op::Delete => Self {
                old: Some(old()),
                new: None,
            },
            Op::Update => {
                let moves = group.changed.iter().any(|column| columns.contains(column));
                Self {
                    old: Some(old()),
                    new: moves.then(new),
                }
            }
        })
    }

    pub(super) fn each(&self) -> impl Iterator<Item = Key> {
        self.old.into_iter().chain(self.new)
    }
}

/// The key columns of the table, as indexes into the group's.
pub(super) fn columns(target: &Target, group: &RowGroup<'_>) -> Option<Vec<usize>> {
    let place = |name: &String| group.columns.iter().position(|column| column == name);
    target.row_key()?.iter().map(place).collect()
}

fn key<'a>(
    target: &Target,
    group: &RowGroup<'_>,
    columns: &[usize],
    value: impl Fn(usize) -> Option<&'a str>,
) -> Key {
    let parts = columns
        .iter()
        .map(|column| (&*group.columns[*column], value(*column)));
    of_values(target, parts)
}

/// Of the values of the key's columns, in their order.
pub(super) fn of_values<'a>(
    target: &Target,
    parts: impl Iterator<Item = (&'a str, Option<&'a str>)>,
) -> Key {
    let mut bytes = Vec::new();
    for (name, text) in parts {
        let start = bytes.len();
        if let Some(text) = text {
            target.column(name).hashing().append(text, &mut bytes);
        }
        let length = (bytes.len() - start) as u64;
        bytes.extend_from_slice(&length.to_le_bytes());
    }
    let half = |which: u8| {
        let mut hasher = DefaultHasher::new();
        hasher.write_u8(which);
        hasher.write(&bytes);
        u128::from(hasher.finish())
    };
    Key {
        table: target.relation.to_u32(),
        hash: half(0) << 64 | half(1),
    }
}
