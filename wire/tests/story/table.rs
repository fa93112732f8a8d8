//! The one table that is written to: its columns and rows, and the changes that a user makes.

use std::collections::BTreeMap;

pub(crate) const WIDTH: usize = 5;
/// The key of the table. Columns 1 and 2 hold values that are never written twice, so that each can be
/// followed; 3 a small set with NULL, so that equal values meet; 4 a number to sum.
pub(crate) const KEY: usize = 0;
pub(crate) const FOLLOWED: [usize; 2] = [1, 2];
pub(crate) const SMALL: usize = 3;
pub(crate) const NUMBER: usize = 4;

pub(crate) type Row = [Option<i64>; WIDTH];
pub(crate) type Table = BTreeMap<i64, Row>;

pub(crate) fn key_of(row: &Row) -> i64 {
    row[KEY].unwrap_or_default()
}

/// The columns in which two rows differ.
pub(crate) fn differing(a: &Row, b: &Row) -> Vec<usize> {
    (0..WIDTH).filter(|&at| a[at] != b[at]).collect()
}

/// One change of a row as a user made it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Op {
    Insert(Row),
    /// Old and new row; their keys may differ.
    Update(Row, Row),
    Delete(Row),
    Truncate,
}

impl Op {
    /// Makes the change.
    pub(crate) fn apply(self, rows: &mut Table) {
        match self {
            Self::Truncate => rows.clear(),
            Self::Delete(row) => {
                rows.remove(&key_of(&row));
            }
            Self::Insert(row) => {
                rows.insert(key_of(&row), row);
            }
            Self::Update(old, new) => {
                rows.remove(&key_of(&old));
                rows.insert(key_of(&new), new);
            }
        }
    }
}
