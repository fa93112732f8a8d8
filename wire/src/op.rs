//! What was done to the rows of a group. Truncation has no rows and is not an [`Op`].

/// The operation that a group of rows records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// Rows hold the new values of all columns.
    Insert,
    /// Rows hold the new values of all columns, then the old values of the changed ones.
    Update,
    /// Rows hold the old values of all columns.
    Delete,
}

impl Op {
    /// The word that stands for this operation on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}
