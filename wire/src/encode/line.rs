//! The frame around the groups of one transaction chunk.

use super::value::{boolean, integer, null, string, unsigned};
use crate::VERSION;

/// What a line says about its transaction chunk, before the changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineHead<'a> {
    /// The office that authored the changes, also where the head only passes them on.
    pub office: &'a str,
    /// The incarnation of that office.
    pub incarnation: &'a str,
    /// The transaction's number in the outbox it is read from; only on the last chunk.
    pub sequence: Option<i64>,
    /// The number of this chunk within its transaction, from 0.
    pub chunk: i32,
    /// Whether this is the transaction's final chunk.
    pub last: bool,
    /// When the user committed, as PostgreSQL prints a `timestamptz` in UTC; only on the last chunk.
    pub commit_time: Option<&'a str>,
    /// On a line the head passes on: the tick of `office` that it had applied.
    pub origin_tick: Option<i64>,
    /// Whether the result differs from what the office of origin had sent.
    pub merged: bool,
    /// From a branch: the tick of the head's log up to which the schema here is known to be its.
    pub schema_tick: Option<i64>,
}

/// Appends everything of a line up to and including `"changes":[`.
pub fn line_start(out: &mut Vec<u8>, head: &LineHead<'_>) {
    out.extend_from_slice(b"{\"version\":");
    unsigned(out, u64::from(VERSION));
    out.extend_from_slice(b",\"office\":");
    string(out, head.office.as_bytes());
    out.extend_from_slice(b",\"incarnation\":");
    string(out, head.incarnation.as_bytes());
    out.extend_from_slice(b",\"sequence\":");
    match head.sequence {
        Some(sequence) => integer(out, sequence),
        None => null(out),
    }
    out.extend_from_slice(b",\"chunk\":");
    integer(out, i64::from(head.chunk));
    out.extend_from_slice(b",\"last\":");
    boolean(out, head.last);
    out.extend_from_slice(b",\"commit_time\":");
    match head.commit_time {
        Some(time) => string(out, time.as_bytes()),
        None => null(out),
    }
    if let Some(tick) = head.origin_tick {
        out.extend_from_slice(b",\"origin_tick\":");
        integer(out, tick);
    }
    if head.merged {
        out.extend_from_slice(b",\"merged\":true");
    }
    if let Some(tick) = head.schema_tick {
        out.extend_from_slice(b",\"schema_tick\":");
        integer(out, tick);
    }
    out.extend_from_slice(b",\"changes\":[");
}

/// Appends the end of a line, with its newline.
pub fn line_end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"]}\n");
}
