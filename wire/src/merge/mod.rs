//! The three-way merge: what stands at the head when a branch's change meets a row the branch had not seen.
//!
//! Only the head decides, once, and every office follows the head's log. So nothing here needs to be
//! commutative; it has to lose nothing without saying so. Pure: no database, no clock, no I/O. Values are
//! compared by their canonical texts; what needs a type's arithmetic is asked of [`Values`].
//!
//! * [`Rules`]: what a table's owner wants ([`Policy`] per column, [`Granularity`], [`DeletePolicy`]);
//! * [`Authored`], [`Unseen`]: who wrote what the branch had not seen, and whose commit is the later one;
//! * [`merge`]: a change and the head's row become an [`Outcome`]; [`truncate`]: the same for a TRUNCATE;
//! * [`Pending`], [`LeftOut`], [`Take`]: a branch's side: which rows it leaves alone, what it does with a
//!   line of the head's log, and up to where it may let the head forget.
//!
//! It does not find conflicts of unique and foreign keys: the database does, and records them by [`Kind`].

mod authored;
mod change;
mod columns;
mod kind;
mod left_out;
mod outcome;
mod pending;
#[cfg(test)]
mod properties;
mod resolve;
mod rules;
#[cfg(test)]
mod tests;
mod values;

pub use authored::{Authored, Unseen};
pub use change::{Change, Head, Mismatch, Row};
pub use kind::{Kind, UnknownKind};
pub use left_out::LeftOut;
pub use outcome::{ColumnDecision, Conflict, Outcome, Standing, Winner};
pub use pending::{Key, Pending, Take, Touched};
pub use resolve::{merge, truncate};
pub use rules::{DeletePolicy, Granularity, Policy, RowPolicy, Rules};
pub use values::{NotPossible, Values};
