//! What the table's rows are to the merge.

use crate::story::table::{Row, WIDTH};
use officesync_wire::merge::{Key, NotPossible, Values};
use std::cmp::Ordering;

pub(crate) fn hashed(key: i64) -> Key {
    Key {
        table: 1,
        hash: u128::from(key.unsigned_abs()),
    }
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
