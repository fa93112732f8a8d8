//! Schema changes.
//!
//! At the head each statement that changes a tracked table, or what it needs, goes into the buffer in its own
//! text, in order with the rows around it ([`capture`]). At a branch it is run again by [`execute`]: one parsed
//! statement, of a [`kind`] that is allowed, about a tracked table, with the rights of its owner. See
//! docs/schema-changes.md.

pub(crate) mod capture;
mod cast;
pub(crate) mod execute;
pub(crate) mod history;
pub(crate) mod kind;
mod label;
mod loss;
pub(crate) mod mapping;
mod preview;
mod regroup;
