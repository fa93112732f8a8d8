//! The one error of this crate. A message says what is wrong and where; it never quotes a value of a
//! row, because errors end up in logs and values do not belong there.

use std::fmt;

/// Why a body, a line, a name or a control message could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The writer is ahead of this reader. The lane must pause; nothing may be skipped.
    #[error(
        "change format version {found} is newer than {}, the newest this office reads",
        crate::VERSION
    )]
    NewerVersion {
        /// The version that was found.
        found: u64,
    },
    /// A line breaks a rule of the format.
    #[error("{problem}{place}")]
    Malformed {
        /// The rule that was broken.
        problem: Problem,
        /// Where it was broken.
        place: Place,
    },
    /// A line is longer than the reader accepts.
    #[error("line {line} is longer than {limit} bytes")]
    LineTooLong {
        /// The line's number within its body, from 1.
        line: u64,
        /// The accepted length.
        limit: usize,
    },
    /// A body decompresses to more than the reader accepts.
    #[error("the body is longer than {limit} bytes when decompressed")]
    BodyTooLong {
        /// The accepted length.
        limit: u64,
    },
    /// The body is not what its content-encoding says.
    #[error("line {line} cannot be decompressed: {source}")]
    Decompress {
        /// The number of the line that could not be completed, from 1.
        line: u64,
        /// What zstd said.
        source: std::io::Error,
    },
    /// The memory for a line is not to be had: nothing is wrong with the body.
    #[error("not enough memory for line {line}")]
    NoMemory {
        /// The number of the line, from 1.
        line: u64,
    },
    /// The content-encoding is not one of those that the format knows.
    #[error("the content-encoding is neither \"identity\" nor \"zstd\"")]
    UnknownEncoding,
    /// An office name breaks the rule for names.
    #[error("an office name is 1 to 63 of a-z, 0-9, \"-\" and \"_\", and not \"all\"")]
    OfficeName,
    /// A message id does not have the form `<origin>/<incarnation>/<tick>/<part>`.
    #[error("message id: {0}")]
    MessageId(&'static str),
    /// A header of a tick breaks a rule.
    #[error("header {header}: {rule}")]
    Header {
        /// The name of the header.
        header: &'static str,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// A control message is not one that the format knows.
    #[error("control message: {0}")]
    Control(String),
}

/// Where in a body a rule was broken. Numbers count from 1, offsets from 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// The line within the body, where the reader knew it.
    pub line: Option<u64>,
    /// The byte within the line.
    pub byte: usize,
    /// The group within the line.
    pub group: Option<usize>,
    /// The row within the group.
    pub row: Option<usize>,
    /// The field of the line or of the group.
    pub field: Option<&'static str>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if let Some(group) = self.group {
            write!(f, ", group {group}")?;
        }
        if let Some(row) = self.row {
            write!(f, ", row {row}")?;
        }
        if let Some(field) = self.field {
            write!(f, ", field \"{field}\"")?;
        }
        write!(f, ", byte {}", self.byte)
    }
}

/// The rule of the format that a line broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Bytes that are not UTF-8.
    #[error("the line is not UTF-8")]
    NotUtf8,
    /// Something else than what JSON or the format wants here.
    #[error("expected {0}")]
    Expected(&'static str),
    /// A raw control character inside a string.
    #[error("unescaped control character in a string")]
    ControlCharacter,
    /// An escape that JSON does not know, or half of a surrogate pair.
    #[error("invalid escape in a string")]
    InvalidEscape,
    /// U+0000, which PostgreSQL cannot store.
    #[error("NUL character in a string")]
    Nul,
    /// Bytes after the end of the line's object.
    #[error("something follows the end of the object")]
    Trailing,
    /// Objects or arrays inside one another beyond all use.
    #[error("nested too deeply")]
    TooDeep,
    /// A field the version does not have; the name is not quoted, it may be anything.
    #[error("unknown field")]
    UnknownField,
    /// A field given twice.
    #[error("duplicate field")]
    DuplicateField,
    /// A field the version demands.
    #[error("missing field \"{0}\"")]
    MissingField(&'static str),
    /// A field that does not go with the operation or the chunk.
    #[error("{0}")]
    Rule(&'static str),
    /// A number outside of the range of its field.
    #[error("number out of range")]
    OutOfRange,
    /// A name that is empty or longer than PostgreSQL allows.
    #[error("a name is empty or longer than 63 bytes")]
    NameLength,
    /// The same column twice in one list.
    #[error("duplicate column")]
    DuplicateColumn,
    /// A key or changed column that is not among the columns.
    #[error("the column is not one of \"columns\"")]
    UnknownColumn,
    /// A row with too few or too many values.
    #[error("the row does not have {expected} values")]
    RowWidth {
        /// How many the columns and changed columns make.
        expected: usize,
    },
    /// The memory for a text is not to be had: nothing is wrong with the line.
    #[error("not enough memory")]
    NoMemory,
    /// More of something than the reader accepts.
    #[error("more than {limit} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The accepted number.
        limit: usize,
    },
}

impl WireError {
    /// The same error with the line's number within its body (from 1), where the error has a place.
    #[must_use]
    pub fn on_line(mut self, number: u64) -> Self {
        match &mut self {
            Self::Malformed { place, .. } => place.line = Some(number),
            Self::LineTooLong { line, .. } | Self::NoMemory { line } => *line = number,
            _ => {}
        }
        self
    }
}
