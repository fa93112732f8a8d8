//! Random schemas and random statements, and all offices equal after each round.
//!
//! A [`run`] makes a schema at every office, lets them write alone and two at once, and compares. The same seed makes
//! the same schema and the same statements. Within: names, kinds of columns and keys, tables with their partitions and
//! triggers, a schema of these; the pen of an office, what it writes, transactions of that; a session that carries
//! them out; the journal; settling.

mod column;
mod key;
mod kind;
mod name;
mod partition;
mod schema;
mod table;
mod trigger;

mod compound;
mod copy;
mod delete;
mod insert;
mod pen;
mod statement;
mod transaction;
mod update;

mod journal;
mod writer;

pub mod run;
pub mod session;
pub mod settle;
