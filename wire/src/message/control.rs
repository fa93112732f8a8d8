//! Control messages: what two offices tell one another beside ticks. One JSON object each, small, and
//! held to the same rule as lines: a newer version is an error of its own, an unknown field is one too
//! unless its name starts with `x_`.

use crate::{VERSION, WireError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The part an office plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The head office.
    Head,
    /// A branch office.
    Branch,
}

/// The body of a control message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Control {
    /// Branch to head, on every connect and until welcomed: here I am, and this far I have come.
    Hello {
        /// The role of the sender.
        role: Role,
        /// The last tick of the head's log the sender has applied.
        position: Option<i64>,
        /// The incarnation of the head that the position belongs to.
        position_incarnation: Option<String>,
        /// The version of the sender's relay, for the log.
        relay_version: String,
    },
    /// Head to branch: where to go on from, and how much of yours has arrived.
    Welcome {
        /// The position in the head's log from which the branch goes on.
        start: i64,
        /// The last of the branch's ticks that the head has applied.
        received: i64,
        /// The incarnation of the branch that `received` belongs to.
        received_incarnation: Option<String>,
    },
    /// Branch to head: this far I have come. Also the sign of life of a silent branch.
    Position {
        /// The last tick of the head's log the sender has applied.
        position: i64,
        /// The incarnation of the head that the position belongs to.
        position_incarnation: String,
    },
    /// Either way: a tick was missing, send from this one on.
    Resend {
        /// The first tick to send again.
        from: i64,
    },
}

#[derive(Serialize)]
struct Versioned<'a> {
    version: u32,
    #[serde(flatten)]
    control: &'a Control,
}

impl Control {
    /// The body of the message.
    ///
    /// # Errors
    /// None in practice: the message is made of numbers and texts only.
    pub fn to_json(&self) -> Result<Vec<u8>, WireError> {
        serde_json::to_vec(&Versioned {
            version: VERSION,
            control: self,
        })
        .map_err(as_control)
    }

    /// Reads the body of a control message.
    ///
    /// # Errors
    /// [`WireError::NewerVersion`] for a newer version, else [`WireError::Control`].
    pub fn from_json(body: &[u8]) -> Result<Self, WireError> {
        let mut value: Value = serde_json::from_slice(body).map_err(as_control)?;
        let Value::Object(fields) = &mut value else {
            return Err(WireError::Control("not an object".to_owned()));
        };
        match fields
            .remove("version")
            .and_then(|version| version.as_u64())
        {
            Some(found) if found > u64::from(VERSION) => {
                return Err(WireError::NewerVersion { found });
            }
            Some(found) if found == u64::from(VERSION) => {}
            _ => return Err(WireError::Control("no such version".to_owned())),
        }
        fields.retain(|name, _| !name.starts_with("x_"));
        serde_json::from_value(value).map_err(as_control)
    }
}

fn as_control(error: serde_json::Error) -> WireError {
    WireError::Control(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_and_back() {
        let cases = [
            (
                Control::Hello {
                    role: Role::Branch,
                    position: None,
                    position_incarnation: None,
                    relay_version: "0.1.0".into(),
                },
                r#"{"version":1,"kind":"hello","role":"branch","position":null,"position_incarnation":null,"relay_version":"0.1.0"}"#,
            ),
            (
                Control::Welcome {
                    start: 5,
                    received: 3,
                    received_incarnation: Some("9f3c".into()),
                },
                r#"{"version":1,"kind":"welcome","start":5,"received":3,"received_incarnation":"9f3c"}"#,
            ),
            (
                Control::Position {
                    position: 9,
                    position_incarnation: "77aa".into(),
                },
                r#"{"version":1,"kind":"position","position":9,"position_incarnation":"77aa"}"#,
            ),
            (
                Control::Resend { from: 4 },
                r#"{"version":1,"kind":"resend","from":4}"#,
            ),
        ];
        for (control, json) in cases {
            assert_eq!(String::from_utf8(control.to_json().unwrap()).unwrap(), json);
            assert_eq!(Control::from_json(json.as_bytes()).unwrap(), control);
        }
    }

    #[test]
    fn refusals() {
        for json in [
            "",
            "[]",
            "{}",
            r#"{"kind":"resend","from":4}"#,
            r#"{"version":0,"kind":"resend","from":4}"#,
            r#"{"version":1,"kind":"resend"}"#,
            r#"{"version":1,"kind":"other","from":4}"#,
            r#"{"version":1,"kind":"resend","from":4,"more":1}"#,
        ] {
            assert!(
                matches!(
                    Control::from_json(json.as_bytes()),
                    Err(WireError::Control(_))
                ),
                "{json}"
            );
        }
        let newer = Control::from_json(br#"{"version":2,"sort":"resend"}"#);
        assert!(matches!(newer, Err(WireError::NewerVersion { found: 2 })));
        let extended = Control::from_json(br#"{"version":1,"kind":"resend","from":4,"x_why":[]}"#);
        assert_eq!(extended.unwrap(), Control::Resend { from: 4 });
    }
}
