//! Changes that met changes their office had not seen.
//!
//! Only the head decides, once, row by row ([`head`]): base (the row the branch saw), theirs (its new row) and
//! ours (the head's row now) go through the pure merge of the wire crate; what was given up stands in the
//! [`ledger`]. Every office ends with the head's log: a [`branch`] leaves rows with [`pending`] changes alone,
//! and takes what the head decided with the acknowledgement. See docs/conflicts.md.

mod arithmetic;
mod arrived;
pub(crate) mod branch;
pub(crate) mod clock;
mod exclusive;
mod function;
pub(crate) mod head;
mod keys;
mod ledger;
pub(crate) mod left_out;
pub(crate) mod locks;
mod log;
mod passing_on;
pub(crate) mod pending;
pub(crate) mod references;
pub(crate) mod row;
mod rules;
mod standing_aside;
mod truncate;
pub(crate) mod unseen;
