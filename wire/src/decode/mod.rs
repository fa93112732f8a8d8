//! Reading the change format. The input may be anything: every rule of `docs/wire-format.md` that one
//! line can break is checked here, and the cost of a hostile body is bounded by [`Limits`].
//!
//! A body becomes lines through [`LineReader`] (decompressing as it goes) or [`lines`] (plain); a line
//! becomes a [`Line`] through [`line()`], borrowing from the bytes wherever no escape stands in the way.
//! What several lines mean together (chunks of one transaction, the order of ticks) is the applier's.

mod change;
mod columns;
mod group;
mod limits;
mod line;
mod rows;
mod scan;
mod stream;
mod text;

pub use change::{Change, Ddl, Line, RowGroup, Value};
pub use limits::{Limits, MAX_LINE_BYTES};
pub use line::line;
pub use stream::{LineReader, lines};
