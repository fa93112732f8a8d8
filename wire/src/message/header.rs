//! The headers of a tick's part: names, and the values as one plain struct.

use super::id::MessageId;
use super::name::{is_incarnation, office_name};
use crate::WireError;

/// AMQP `type` of a part of a tick.
pub const TYPE_TICK: &str = "tick";
/// AMQP `type` of a control message.
pub const TYPE_CONTROL: &str = "control";
/// AMQP `content-type` of a part of a tick.
pub const CONTENT_TYPE_TICK: &str = "application/x-ndjson";
/// AMQP `content-type` of a control message.
pub const CONTENT_TYPE_CONTROL: &str = "application/json";

/// The format's version, a 32-bit integer.
pub const HEADER_VERSION: &str = "officesync-version";
/// The office the message comes from, text.
pub const HEADER_ORIGIN: &str = "officesync-origin";
/// The incarnation of that office, text.
pub const HEADER_INCARNATION: &str = "officesync-incarnation";
/// The tick, a 64-bit integer.
pub const HEADER_TICK: &str = "officesync-tick";
/// The tick before, a 64-bit integer; 0 for the first.
pub const HEADER_PREVIOUS: &str = "officesync-previous";
/// The part of the tick, a 32-bit integer from 1.
pub const HEADER_PART: &str = "officesync-part";
/// Whether this is the last part of the tick, a boolean.
pub const HEADER_LAST: &str = "officesync-last";
/// Whether the body goes on in the next part, a boolean; absent means that it does not.
pub const HEADER_CONTINUED: &str = "officesync-continued";
/// From a branch: the last tick of the head's log it has applied, a 64-bit integer.
pub const HEADER_POSITION: &str = "officesync-position";
/// From a branch: the incarnation of the head that the position belongs to, text.
pub const HEADER_POSITION_INCARNATION: &str = "officesync-position-incarnation";
/// When the tick was made, microseconds since 1970 in UTC, a 64-bit integer.
pub const HEADER_CREATED: &str = "officesync-created";
/// Reserved: the targeted parts that belong to the tick, JSON text.
pub const HEADER_TARGETED: &str = "officesync-targeted";

/// The headers of one part of a tick. The version is not among them: who reads a message checks it
/// first, before anything else is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TickHeader {
    /// [`HEADER_ORIGIN`].
    pub origin: String,
    /// [`HEADER_INCARNATION`].
    pub incarnation: String,
    /// [`HEADER_TICK`].
    pub tick: i64,
    /// [`HEADER_PREVIOUS`].
    pub previous: i64,
    /// [`HEADER_PART`].
    pub part: i32,
    /// [`HEADER_LAST`].
    pub last: bool,
    /// [`HEADER_CONTINUED`].
    pub continued: bool,
    /// [`HEADER_POSITION`].
    pub position: Option<i64>,
    /// [`HEADER_POSITION_INCARNATION`].
    pub position_incarnation: Option<String>,
    /// [`HEADER_CREATED`], in microseconds.
    pub created_us: i64,
    /// [`HEADER_TARGETED`].
    pub targeted: Option<String>,
}

impl TickHeader {
    /// The message id that goes with these headers.
    pub fn message_id(&self) -> MessageId {
        MessageId {
            origin: self.origin.clone(),
            incarnation: self.incarnation.clone(),
            tick: self.tick,
            part: self.part,
        }
    }

    /// Checks every header on its own and against the others.
    ///
    /// # Errors
    /// [`WireError::Header`] with the name of the header and the rule it breaks.
    pub fn check(&self) -> Result<(), WireError> {
        let rule = |holds: bool, header, rule| match holds {
            true => Ok(()),
            false => Err(WireError::Header { header, rule }),
        };
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
        rule(self.tick >= 1, HEADER_TICK, "must be 1 or more")?;
        rule(
            (0..self.tick).contains(&self.previous),
            HEADER_PREVIOUS,
            "must be below the tick, 0 or more",
        )?;
        rule(self.part >= 1, HEADER_PART, "must be 1 or more")?;
        rule(
            !(self.last && self.continued),
            HEADER_CONTINUED,
            "must not be true on the last part",
        )?;
        rule(
            self.position.is_none_or(|at| at >= 0),
            HEADER_POSITION,
            "must be 0 or more",
        )?;
        let both = self.position.is_some() == self.position_incarnation.is_some();
        rule(
            both,
            HEADER_POSITION_INCARNATION,
            "must come with a position, and only with one",
        )?;
        let incarnation = self.position_incarnation.as_deref();
        rule(
            incarnation.is_none_or(is_incarnation),
            HEADER_POSITION_INCARNATION,
            "must be an incarnation",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> TickHeader {
        TickHeader {
            origin: "branch1".into(),
            incarnation: "9f3c".into(),
            tick: 17,
            previous: 16,
            part: 1,
            last: true,
            continued: false,
            position: Some(40),
            position_incarnation: Some("77aa".into()),
            created_us: 1,
            targeted: None,
        }
    }

    #[test]
    fn id_of_a_part() {
        header().check().unwrap();
        assert_eq!(header().message_id().to_string(), "branch1/9f3c/17/1");
    }

    #[test]
    fn a_piece_of_a_body_is_never_the_last_part() {
        let piece = TickHeader {
            last: false,
            continued: true,
            ..header()
        };
        piece.check().unwrap();
    }

    #[test]
    fn every_rule_names_its_header() {
        let broken = [
            (
                TickHeader {
                    origin: "all".into(),
                    ..header()
                },
                HEADER_ORIGIN,
            ),
            (
                TickHeader {
                    incarnation: "a/b".into(),
                    ..header()
                },
                HEADER_INCARNATION,
            ),
            (
                TickHeader {
                    tick: 0,
                    previous: 0,
                    ..header()
                },
                HEADER_TICK,
            ),
            (
                TickHeader {
                    previous: 17,
                    ..header()
                },
                HEADER_PREVIOUS,
            ),
            (
                TickHeader {
                    previous: -1,
                    ..header()
                },
                HEADER_PREVIOUS,
            ),
            (
                TickHeader {
                    part: 0,
                    ..header()
                },
                HEADER_PART,
            ),
            (
                TickHeader {
                    continued: true,
                    ..header()
                },
                HEADER_CONTINUED,
            ),
            (
                TickHeader {
                    position: Some(-1),
                    ..header()
                },
                HEADER_POSITION,
            ),
            (
                TickHeader {
                    position: None,
                    ..header()
                },
                HEADER_POSITION_INCARNATION,
            ),
            (
                TickHeader {
                    position_incarnation: Some(String::new()),
                    ..header()
                },
                HEADER_POSITION_INCARNATION,
            ),
        ];
        for (broken, name) in broken {
            assert!(
                matches!(broken.check(), Err(WireError::Header { header, .. }) if header == name)
            );
        }
    }
}
