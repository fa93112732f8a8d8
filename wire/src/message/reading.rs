//! The headers of a reading: something of the head's tables as they stood at one tick, for one branch.

use super::name::{is_incarnation, office_name};
use crate::WireError;

/// AMQP `type` of a reading.
pub const TYPE_READING: &str = "reading";
/// AMQP `content-type` of a reading.
pub const CONTENT_TYPE_READING: &str = "application/octet-stream";
/// What kind of reading it is, text.
pub const HEADER_KIND: &str = "officesync-kind";
/// The number the head asked for it by, a 64-bit integer.
pub const HEADER_NUMBER: &str = "officesync-number";
/// The longest body of a reading, decompressed. A writer stays far below it.
pub const MAX_READING_BYTES: usize = 64 << 20;

/// The headers of a reading. Its version is looked at before anything else, as a tick's is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadingHeader {
    /// The head.
    pub origin: String,
    /// The life of the head's database.
    pub incarnation: String,
    /// The tick of the head's log that the reading shows: it means something only where exactly the ticks
    /// up to this one are applied. 0: before the first.
    pub tick: i64,
    /// [`HEADER_KIND`].
    pub kind: String,
    /// [`HEADER_NUMBER`].
    pub number: i64,
}

impl ReadingHeader {
    /// The id of the message: `<origin>/<incarnation>/reading/<number>/<tick>`.
    pub fn message_id(&self) -> String {
        let Self {
            origin,
            incarnation,
            tick,
            number,
            ..
        } = self;
        format!("{origin}/{incarnation}/reading/{number}/{tick}")
    }

    /// Checks every header on its own.
    ///
    /// # Errors
    /// [`WireError::Header`] with the name of the header and the rule it breaks.
    pub fn check(&self) -> Result<(), WireError> {
        use super::header::{HEADER_INCARNATION, HEADER_ORIGIN, HEADER_TICK};
        let rule = |holds: bool, header, rule| match holds {
            true => Ok(()),
            false => Err(WireError::Header { header, rule }),
        };
        let letter = |byte: u8| matches!(byte, b'a'..=b'z' | b'_');
        let is_kind = (1..=40).contains(&self.kind.len()) && self.kind.bytes().all(letter);
        rule(
            office_name(&self.origin).is_ok(),
            HEADER_ORIGIN,
            "must be an office name",
        )?;
        rule(
            is_incarnation(&self.incarnation),
            HEADER_INCARNATION,
            "must be an incarnation",
        )?;
        rule(self.tick >= 0, HEADER_TICK, "must be 0 or more")?;
        rule(is_kind, HEADER_KIND, "must be 1 to 40 of a-z and _")?;
        rule(self.number >= 1, HEADER_NUMBER, "must be 1 or more")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> ReadingHeader {
        ReadingHeader {
            origin: "head".into(),
            incarnation: "77aa".into(),
            tick: 41,
            kind: "ranges".into(),
            number: 7,
        }
    }

    #[test]
    fn one_spelling_of_the_id() {
        header().check().unwrap();
        assert_eq!(header().message_id(), "head/77aa/reading/7/41");
    }

    #[test]
    fn every_rule_names_its_header() {
        let kind = |kind: &str| ReadingHeader {
            kind: kind.into(),
            ..header()
        };
        let broken = [
            (kind(""), HEADER_KIND),
            (kind("Ranges"), HEADER_KIND),
            (kind("a(b"), HEADER_KIND),
            (kind(&"x".repeat(41)), HEADER_KIND),
            (
                ReadingHeader {
                    number: 0,
                    ..header()
                },
                HEADER_NUMBER,
            ),
            (
                ReadingHeader {
                    tick: -1,
                    ..header()
                },
                "officesync-tick",
            ),
            (
                ReadingHeader {
                    origin: "all".into(),
                    ..header()
                },
                "officesync-origin",
            ),
        ];
        for (broken, name) in broken {
            assert!(
                matches!(broken.check(), Err(WireError::Header { header, .. }) if header == name)
            );
        }
    }
}
