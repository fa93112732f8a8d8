//! Loading a branch that joins with an empty database: rows of the head's tables as they stood at one tick, and
//! the statements that make the tables.
//!
//! What is read, when, and what becomes of it is SQL (`sql/functions/load/`). Here rows become lines of the wire
//! format, as capture writes them ([`read`]), and statements are run ([`define`]); lines become rows again in
//! [`crate::apply`].

mod define;
mod read;
mod waiting;
