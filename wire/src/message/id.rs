//! Message ids. A part of a tick has exactly one spelling of its id, so that comparing texts (a
//! returned message, a redelivered one) compares identities.

use super::name::{is_incarnation, office_name};
use crate::WireError;
use std::fmt;
use std::str::FromStr;

/// The identity of one part of a tick: `<origin>/<incarnation>/<tick>/<part>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageId {
    /// The office whose tick it is.
    pub origin: String,
    /// The incarnation of that office.
    pub incarnation: String,
    /// The tick, from 1.
    pub tick: i64,
    /// The part of the tick, from 1.
    pub part: i32,
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            origin,
            incarnation,
            tick,
            part,
        } = self;
        write!(f, "{origin}/{incarnation}/{tick}/{part}")
    }
}

impl FromStr for MessageId {
    type Err = WireError;

    fn from_str(text: &str) -> Result<Self, WireError> {
        let mut pieces = text.split('/');
        let (Some(origin), Some(incarnation), Some(tick), Some(part), None) = (
            pieces.next(),
            pieces.next(),
            pieces.next(),
            pieces.next(),
            pieces.next(),
        ) else {
            return Err(WireError::MessageId("it does not have four pieces"));
        };
        let origin = office_name(origin)?;
        if !is_incarnation(incarnation) {
            return Err(WireError::MessageId(
                "the second piece is not an incarnation",
            ));
        }
        let tick = positive(tick).ok_or(WireError::MessageId("the third piece is not a tick"))?;
        let part = positive(part)
            .and_then(|part| i32::try_from(part).ok())
            .ok_or(WireError::MessageId("the fourth piece is not a part"))?;
        Ok(Self {
            origin: origin.to_owned(),
            incarnation: incarnation.to_owned(),
            tick,
            part,
        })
    }
}

/// The id of a control message: `<origin>/<incarnation>/control/<uuid>`.
pub fn control_message_id(origin: &str, incarnation: &str, uuid: &str) -> String {
    format!("{origin}/{incarnation}/control/{uuid}")
}

/// Decimal digits without sign or leading zero.
fn positive(text: &str) -> Option<i64> {
    let canonical = text.starts_with(|first: char| matches!(first, '1'..='9'));
    text.parse().ok().filter(|_| canonical)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling() {
        let text = "branch1/9f3c/17/1";
        let id: MessageId = text.parse().unwrap();
        assert_eq!((id.tick, id.part), (17, 1));
        assert_eq!(id.to_string(), text);
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "branch1/9f3c/17",
            "branch1/9f3c/17/1/",
            "branch1/9f3c/017/1",
            "branch1/9f3c/+17/1",
            "branch1/9f3c/0/1",
            "branch1/9f3c/-1/1",
            "branch1/9f3c/17/0",
            "branch1/9f3c/17/01",
            "branch1//17/1",
            "all/9f3c/17/1",
            "B/9f3c/17/1",
            "branch1/9f3c/17/2147483648",
            "branch1/9f3c/9223372036854775808/1",
            "branch1/9f3c/control/5f1c",
            " branch1/9f3c/17/1",
        ] {
            assert!(text.parse::<MessageId>().is_err(), "{text}");
        }
    }
}
