//! Readings: something of the head's tables as they stood at one tick, sent to one branch between two ticks.
//!
//! What is read and what becomes of it is SQL (`sql/functions/reading/`); here are the bodies only.

use crate::refuse::refuse;
use officesync_wire::WireError;
use officesync_wire::compress::compress;
use officesync_wire::message::{Encoding, MAX_READING_BYTES, unpack as unfold};
use pgrx::prelude::*;

const LEVEL: i32 = 3;

/// `officesync.pack(body)`; see `sql/functions/reading/pack.sql`.
#[pg_extern(sql = false)]
fn pack(body: &[u8]) -> Vec<u8> {
    compress(body, LEVEL).unwrap_or_else(|error| {
        refuse(
            PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY,
            format!("a reading of {} bytes could not be compressed", body.len()),
            &error.to_string(),
            "Give the server more memory.",
        )
    })
}

/// `officesync.unpack(body, encoding)`; see `sql/functions/reading/pack.sql`.
#[pg_extern(sql = false)]
fn unpack(body: &[u8], encoding: &str) -> Vec<u8> {
    let encoding: Encoding = encoding.parse().unwrap_or_else(|error| unreadable(&error));
    unfold(encoding, body, MAX_READING_BYTES).unwrap_or_else(|error| unreadable(&error))
}

fn unreadable(error: &WireError) -> ! {
    refuse(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("a reading can't be read: {error}"),
        "",
        "Is this office older than the head? Upgrade it.",
    )
}
