//! A column.

use super::kind::Kind;
use super::name::quote;

/// What a column is there for.
#[derive(Debug, Clone)]
pub(super) enum Role {
    /// A part of the key, by number.
    Key(usize),
    /// The office whose row it is: the others leave the row alone while both write.
    Owner,
    /// A small number that statements count up and choose rows by.
    Counter,
    /// A number that is unique under a deferrable constraint.
    Slot,
    /// The key of a row of the table with this number.
    Reference(usize),
    /// Anything.
    Plain(&'static Kind),
    /// GENERATED ALWAYS AS (...) STORED.
    Generated(String),
}

/// A column, the same at every office.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) sql_type: String,
    pub(super) role: Role,
}

impl Column {
    /// The name as SQL.
    pub(super) fn quoted(&self) -> String {
        quote(&self.name)
    }

    /// Whether users write it.
    pub(super) fn is_written(&self) -> bool {
        !matches!(self.role, Role::Generated(_))
    }
}
