//! Where a column stands among the columns of its group. Few columns, the usual case, are compared one
//! by one; many are hashed, so that a hostile group costs no more than its size.

use crate::Problem;
use std::borrow::Cow;
use std::collections::HashMap;

/// Up to this many columns, comparing beats hashing.
const FEW: usize = 16;

pub(super) struct Places<'n, 'a> {
    columns: &'n [Cow<'a, str>],
    hashed: Option<HashMap<&'n str, usize>>,
}

impl<'n, 'a> Places<'n, 'a> {
    /// An error where a column stands twice.
    pub(super) fn new(columns: &'n [Cow<'a, str>]) -> Result<Self, Problem> {
        let mut hashed = None;
        let unique = if columns.len() <= FEW {
            let mut earlier = columns.iter().enumerate();
            earlier.all(|(index, column)| !columns.iter().take(index).any(|other| other == column))
        } else {
            let places = columns
                .iter()
                .enumerate()
                .map(|(index, column)| (&**column, index));
            hashed.insert(places.collect::<HashMap<_, _>>()).len() == columns.len()
        };
        match unique {
            true => Ok(Self { columns, hashed }),
            false => Err(Problem::DuplicateColumn),
        }
    }

    /// The places of `names`, which must be among the columns, none of them twice.
    pub(super) fn of(&self, names: &[Cow<'_, str>]) -> Result<Vec<usize>, Problem> {
        let mut seen = vec![false; self.columns.len()];
        let mut indexes = Vec::with_capacity(names.len());
        for name in names {
            let index = self.find(name).ok_or(Problem::UnknownColumn)?;
            match seen.get_mut(index) {
                Some(seen) if !*seen => *seen = true,
                _ => return Err(Problem::DuplicateColumn),
            }
            indexes.push(index);
        }
        Ok(indexes)
    }

    fn find(&self, name: &str) -> Option<usize> {
        match &self.hashed {
            Some(places) => places.get(name).copied(),
            None => self.columns.iter().position(|column| column == name),
        }
    }
}
