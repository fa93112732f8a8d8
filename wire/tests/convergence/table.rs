//! The one table of the model: keys, rows, and what their values are to the merge.

use officesync_wire::merge::{Key, NotPossible, Values};
use std::cmp::Ordering;
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

pub(crate) fn hashed(key: i64) -> Key {
    Key {
        table: 1,
        hash: u128::from(key.unsigned_abs()),
    }
}

/// The columns in which two rows differ.
pub(crate) fn differing(a: &Row, b: &Row) -> Vec<usize> {
    (0..WIDTH).filter(|&at| a[at] != b[at]).collect()
}

/// A row as texts, the form that the merge takes.
pub(crate) struct Texts([Option<String>; WIDTH]);

impl Texts {
    pub(crate) fn of(row: &Row) -> Self {
        Self(row.map(|value| value.map(|value| value.to_string())))
    }

    pub(crate) fn refs(&self) -> [Option<&str>; WIDTH] {
        std::array::from_fn(|at| self.0[at].as_deref())
    }
}

/// Whole numbers; a union of two is their common bits.
pub(crate) struct Numbers {
    /// A rule to break: the sum forgets what the branch had seen.
    pub(crate) sum_without_base: bool,
}

fn number(text: &str) -> Result<i128, NotPossible> {
    text.parse().map_err(|_| NotPossible)
}

impl Values for Numbers {
    fn sum(
        &self,
        _: usize,
        ours: &str,
        theirs: &str,
        base: Option<&str>,
    ) -> Result<String, NotPossible> {
        let base = base.filter(|_| !self.sum_without_base);
        let base = base.map_or(Ok(0), number)?;
        Ok((number(ours)? + number(theirs)? - base).to_string())
    }

    fn compare(&self, _: usize, a: &str, b: &str) -> Result<Ordering, NotPossible> {
        Ok(number(a)?.cmp(&number(b)?))
    }

    fn union(
        &self,
        _: usize,
        ours: &str,
        theirs: &str,
        base: Option<&str>,
    ) -> Result<String, NotPossible> {
        let (ours, theirs) = (number(ours)?, number(theirs)?);
        let base = base.map_or(Ok(0), number)?;
        let removed = base & !(ours & theirs);
        Ok(((ours | theirs) & !removed).to_string())
    }
}
