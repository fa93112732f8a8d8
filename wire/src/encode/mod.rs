//! Writing the change format. Everything appends to a `Vec<u8>` that the caller owns and reuses;
//! nothing here fails, and nothing allocates beyond that buffer.
//!
//! A line is put together from pieces, so that capture pays only for the values of a row:
//! [`line_start`], then groups joined by [`SEPARATOR`], then [`line_end`]. A group is a cached
//! [`group_header`], then rows joined by [`SEPARATOR`], then [`GROUP_END`]. A row is [`ROW_START`],
//! values joined by [`SEPARATOR`], [`ROW_END`]. [`ByColumn`] turns the rows of large groups. The writer keeps the
//! fixed order of fields; nothing here checks that the caller keeps the order of the pieces.

mod by_column;
mod decimal;
mod group;
mod line;
mod number;
mod value;

pub use by_column::ByColumn;
pub use decimal::short_decimal;
pub use group::{
    Ddl, GROUP_END, Group, ROW_END, ROW_START, SEPARATOR, Tracked, ddl_group, group_header,
    tracking_group, truncate_group,
};
pub use line::{LineHead, line_end, line_start};
pub use number::is_json_number;
pub(crate) use value::next_escape;
pub use value::{boolean, integer, null, raw_number, string, unsigned};
