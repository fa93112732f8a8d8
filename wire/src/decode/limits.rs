//! What a reader accepts before it refuses. A writer that follows the format stays far below all of
//! these, so meeting one means a damaged or a hostile body.

/// The longest line: what a row of the largest values takes, old and new. Capture refuses what would be
/// longer, so that nothing is sent that could not be read.
pub const MAX_LINE_BYTES: usize = 2 << 30;

/// Bounds on a body and its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest line, decompressed, without its newline.
    pub max_line_bytes: usize,
    /// The longest body, decompressed.
    pub max_body_bytes: u64,
    /// The most columns of one group; PostgreSQL itself allows 1600.
    pub max_columns: usize,
    /// The most rows of one line.
    pub max_rows: usize,
    /// The most values (rows times columns) of one line; each costs 24 bytes once decoded.
    pub max_values: usize,
    /// How deep the values of `x_` fields may be nested.
    pub max_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_line_bytes: MAX_LINE_BYTES,
            max_body_bytes: 8 << 30,
            max_columns: 1664,
            max_rows: 1 << 20,
            max_values: 1 << 24,
            max_depth: 32,
        }
    }
}
