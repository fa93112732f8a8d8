//! What comes in: the branch's change and the head's row. Shapes are checked here, once.

use super::authored::Unseen;

/// The values of a row, one a column: canonical texts, None for SQL NULL.
pub type Row<'a> = [Option<&'a str>];

/// A change of one row as a branch sent it. All rows of a table have the same columns in the same order.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    /// The branch saw no row.
    Insert {
        /// The new row.
        new: &'a Row<'a>,
    },
    /// The branch saw `new` with the values of `old` in the columns `changed`.
    Update {
        /// The new row, all of it.
        new: &'a Row<'a>,
        /// The old values of the changed columns, in the order of `changed`.
        old: &'a Row<'a>,
        /// Indexes of the changed columns.
        changed: &'a [usize],
    },
    /// The branch saw `old`.
    Delete {
        /// The old row, all of it.
        old: &'a Row<'a>,
    },
}

/// What the head knows of the row when the change arrives.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The head's row under the change's (old) key: "ours".
    pub row: Option<&'a Row<'a>>,
    /// Whether another row stands under the *new* key of an update that changes the key.
    pub taken: bool,
    /// Who wrote what the branch had not seen. Where nothing is known, the branch counts as later.
    pub unseen: &'a Unseen<'a>,
}

/// The rows, the policies or the list of changed columns do not fit one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a row of {found} values where {expected} columns are known")]
pub struct Mismatch {
    /// The number of columns that have a policy.
    pub expected: usize,
    /// The number of values (of a row or of the old values), or the index of a changed column.
    pub found: usize,
}

pub(super) fn width(expected: usize, row: &Row<'_>) -> Result<(), Mismatch> {
    let found = row.len();
    if found == expected {
        Ok(())
    } else {
        Err(Mismatch { expected, found })
    }
}

/// The row that the branch saw before its update: the new one with the old values put back.
pub(super) fn base<'a>(
    new: &Row<'a>,
    old: &Row<'a>,
    changed: &[usize],
) -> Result<Vec<Option<&'a str>>, Mismatch> {
    width(changed.len(), old)?;
    let mut base = new.to_vec();
    for (&column, &value) in changed.iter().zip(old) {
        *base.get_mut(column).ok_or(Mismatch {
            expected: new.len(),
            found: column,
        })? = value;
    }
    Ok(base)
}
