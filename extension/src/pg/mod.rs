//! Everything that touches PostgreSQL's memory: the only place with `unsafe`.
//!
//! Each submodule wraps one corner of the server (tuples, transactions, locks, SPI ...) in an
//! interface that safe code can't misuse; each unsafe block states why it is sound. A server
//! error raised inside a wrapped call unwinds as a Rust panic (pgrx's guard) and is turned back
//! into a PostgreSQL error at the entry point, so destructors run in between.

pub(crate) mod array;
pub(crate) mod bytea;
pub(crate) mod catalog;
pub(crate) mod definition;
mod entry;
mod executor;
mod ffi;
pub(crate) mod hash;
pub(crate) mod input;
pub(crate) mod lock;
pub(crate) mod logged;
mod lookup;
mod multi_insert;
mod neighbour;
pub(crate) mod output;
pub(crate) mod parse;
mod parse_functions;
mod parse_objects;
mod parse_soften;
mod parse_table;
pub(crate) mod scan;
pub(crate) mod settings;
pub(crate) mod snapshot;
pub(crate) mod spi;
pub(crate) mod statement;
pub(crate) mod subxact;
pub(crate) mod table;
pub(crate) mod trigger;
pub(crate) mod tuple;
pub(crate) mod user;
pub(crate) mod wal;
pub(crate) mod writer;
pub(crate) mod xact;
