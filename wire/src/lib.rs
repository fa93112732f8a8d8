//! The change format of officesync: how a transaction becomes lines of text and back.
//!
//! This crate knows no database, no broker and no clock: it turns slices into bytes and bytes into
//! slices. It never panics on input, however broken, and it bounds what a hostile body can cost.
//! `docs/wire-format.md` describes the same format for readers in other languages.
//!
//! In the order of the journey:
//! * [`encode`]: capture and the outbox append JSON to a buffer, one line a transaction chunk;
//! * [`compress`]: a chunk becomes one zstd frame; frames may be joined without recompression;
//! * [`message`]: the identity, headers and control messages that carry the lines;
//! * [`decode`]: a body becomes lines, a line becomes typed groups of rows;
//! * [`merge`]: what stands at the head when a change meets a row its author had not seen.
#![forbid(unsafe_code)]

pub mod compress;
pub mod decode;
pub mod encode;
mod error;
pub mod merge;
pub mod message;
mod op;

pub use error::{Place, Problem, WireError};
pub use op::Op;

/// The version of the change format that this crate writes, and the newest it reads.
pub const VERSION: u32 = 1;

/// The longest name of a schema, table or column, in bytes (`NAMEDATALEN - 1`).
pub const MAX_NAME_BYTES: usize = 63;
