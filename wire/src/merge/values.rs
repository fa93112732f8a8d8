//! What needs to know a type: asked of the caller, who has its operators.

use std::cmp::Ordering;

/// The type has no such operation, or these values have no such result (out of range, not a number).
/// Then the column is decided by [`super::Policy::LastUpdateWins`], and the decision says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the values cannot be merged by the column's policy")]
pub struct NotPossible;

/// The arithmetic of the columns' types. `column` is an index into the rows; values are canonical texts and
/// never SQL NULL, but for `base`: None where the branch saw no value (no row, or NULL).
pub trait Values {
    /// `ours + (theirs - base)`; without a base `ours + theirs`.
    ///
    /// # Errors
    /// [`NotPossible`] where the type or the range does not allow it.
    fn sum(
        &self,
        column: usize,
        ours: &str,
        theirs: &str,
        base: Option<&str>,
    ) -> Result<String, NotPossible>;

    /// The order of two values, for [`super::Policy::Max`] and [`super::Policy::Min`].
    ///
    /// # Errors
    /// [`NotPossible`] where the type has no order.
    fn compare(&self, column: usize, a: &str, b: &str) -> Result<Ordering, NotPossible>;

    /// What either side added to `base`, without what either side removed from it.
    ///
    /// # Errors
    /// [`NotPossible`] where the values are not collections.
    fn union(
        &self,
        column: usize,
        ours: &str,
        theirs: &str,
        base: Option<&str>,
    ) -> Result<String, NotPossible>;
}
