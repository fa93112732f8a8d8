//! Standard output of the commands that show something.
//!
//! Invariant: a reader that has gone away (`| head`) is the end of the output, never an error.

use std::io::Write as _;

/// Nobody reads any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closed;

/// Writes and flushes.
pub(crate) fn print(text: &str) -> std::result::Result<(), Closed> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|_| Closed)
}
