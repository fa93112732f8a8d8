//! Control messages: what two offices tell one another beside ticks. One JSON object each, small but for
//! the definitions of tables, and held to the same rule as lines: a newer version is an error of its own,
//! an unknown field is one too unless its name starts with `x_`.

use crate::{VERSION, WireError};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The part an office plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The head office.
    Head,
    /// A branch office.
    Branch,
}

/// How far a branch is that is being loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Load {
    /// It has asked for the head's tables, and has none yet.
    Asked,
    /// It has the tables, and their rows are coming.
    Rows,
}

impl Load {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Rows => "rows",
        }
    }
}

/// What became of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was taken where it belongs in the log.
    Taken,
    /// The branch stood elsewhere in the log.
    Missed,
    /// It could not be taken.
    Failed,
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
        /// While the branch is being loaded: how far that is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        load: Option<Load>,
    },
    /// Head to branch: where to go on from, and how much of yours has arrived.
    Welcome {
        /// The position in the head's log from which the branch goes on.
        start: i64,
        /// The last of the branch's ticks that the head has applied.
        received: i64,
        /// The incarnation of the branch that `received` belongs to.
        received_incarnation: Option<String>,
        /// The branch's number, 1 to 1023, which no other office ever had: for ids that can't collide.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<i32>,
        /// The branch was away too long: what the head made up to `start` is kept no longer.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        rejoins: bool,
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
    /// Either way: which state of your tables' definitions I hold; tell me if you have a newer one.
    #[serde(rename = "tables_held")]
    TablesHeld {
        /// The digest it came with; none if nothing was told yet.
        digest: Option<String>,
    },
    /// Branch to head: what became of a reading.
    Answer {
        /// The number of the reading.
        number: i64,
        /// The tick it was read at.
        tick: i64,
        /// `taken`: at its place; `missed`: the branch stood elsewhere, and dropped it; `failed`: it could
        /// not be taken.
        outcome: Outcome,
        /// Where it was taken, what the kind of reading says; where it failed, why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<Value>,
    },
    /// Either way: how my tracked tables are defined.
    #[serde(skip_deserializing)]
    Tables {
        /// What this state goes by: another one whenever a definition changes.
        digest: String,
        /// The definitions, one JSON array. Who stores them reads them; here they pass as they stand.
        #[serde(serialize_with = "as_it_stands")]
        definitions: Arc<str>,
        /// From a branch: the functions its database has, as `schema.name`, those that come with PostgreSQL left out.
        #[serde(skip_serializing_if = "Option::is_none")]
        functions: Option<Vec<String>>,
    },
}

fn as_it_stands<S: Serializer>(json: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    let raw: &RawValue = serde_json::from_str(json).map_err(serde::ser::Error::custom)?;
    raw.serialize(serializer)
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

    /// Reads the body of a control message. Bounds on its length are [`Control::unpack`]'s.
    ///
    /// # Errors
    /// [`WireError::NewerVersion`] for a newer version, else [`WireError::Control`].
    pub fn from_json(body: &[u8]) -> Result<Self, WireError> {
        let mut fields: Fields<'_> = serde_json::from_slice(body).map_err(as_control)?;
        let version = fields.remove("version").map(RawValue::get);
        match version.and_then(|version| version.parse::<u64>().ok()) {
            Some(found) if found > u64::from(VERSION) => {
                return Err(WireError::NewerVersion { found });
            }
            Some(found) if found == u64::from(VERSION) => {}
            _ => return Err(WireError::Control("no such version".to_owned())),
        }
        fields.retain(|name, _| !name.starts_with("x_"));
        if fields.get("kind").is_some_and(is_tables) {
            return tables(&fields);
        }
        let value: Value = fields
            .into_iter()
            .map(|(name, raw)| Ok((name, serde_json::from_str(raw.get())?)))
            .collect::<Result<serde_json::Map<_, _>, _>>()
            .map_err(as_control)?
            .into();
        serde_json::from_value(value).map_err(as_control)
    }
}

/// The fields of a message, not yet taken apart: definitions can be long.
type Fields<'a> = BTreeMap<String, &'a RawValue>;

fn is_tables(kind: &&RawValue) -> bool {
    serde_json::from_str::<String>(kind.get()).is_ok_and(|kind| kind == "tables")
}

fn tables(fields: &Fields<'_>) -> Result<Control, WireError> {
    let wrong = |problem: &str| WireError::Control(problem.to_owned());
    let functions = fields.get("functions");
    let (Some(digest), Some(definitions), 3) = (
        fields.get("digest"),
        fields.get("definitions"),
        fields.len() - usize::from(functions.is_some()),
    ) else {
        return Err(wrong(
            "tables has a digest, definitions, perhaps functions, and no more",
        ));
    };
    let functions = functions.map(|names| serde_json::from_str(names.get()).map_err(as_control));
    let digest: String = serde_json::from_str(digest.get()).map_err(as_control)?;
    if !definitions.get().starts_with('[') {
        return Err(wrong("the definitions of tables are not an array"));
    }
    Ok(Control::Tables {
        digest,
        definitions: definitions.get().into(),
        functions: functions.transpose()?,
    })
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
                    load: None,
                },
                r#"{"version":1,"kind":"hello","role":"branch","position":null,"position_incarnation":null,"relay_version":"0.1.0"}"#,
            ),
            (
                Control::Hello {
                    role: Role::Branch,
                    position: Some(4),
                    position_incarnation: Some("77aa".into()),
                    relay_version: "0.1.0".into(),
                    load: Some(Load::Asked),
                },
                r#"{"version":1,"kind":"hello","role":"branch","position":4,"position_incarnation":"77aa","relay_version":"0.1.0","load":"asked"}"#,
            ),
            (
                Control::Welcome {
                    start: 5,
                    received: 3,
                    received_incarnation: Some("9f3c".into()),
                    number: Some(7),
                    rejoins: false,
                },
                r#"{"version":1,"kind":"welcome","start":5,"received":3,"received_incarnation":"9f3c","number":7}"#,
            ),
            (
                Control::Welcome {
                    start: 900,
                    received: 3,
                    received_incarnation: Some("9f3c".into()),
                    number: None,
                    rejoins: true,
                },
                r#"{"version":1,"kind":"welcome","start":900,"received":3,"received_incarnation":"9f3c","rejoins":true}"#,
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
            (
                Control::TablesHeld { digest: None },
                r#"{"version":1,"kind":"tables_held","digest":null}"#,
            ),
            (
                Control::Answer {
                    number: 7,
                    tick: 41,
                    outcome: Outcome::Taken,
                    answer: Some(serde_json::json!({"equal": true})),
                },
                r#"{"version":1,"kind":"answer","number":7,"tick":41,"outcome":"taken","answer":{"equal":true}}"#,
            ),
            (
                Control::Answer {
                    number: 7,
                    tick: 41,
                    outcome: Outcome::Missed,
                    answer: None,
                },
                r#"{"version":1,"kind":"answer","number":7,"tick":41,"outcome":"missed"}"#,
            ),
            (
                Control::Tables {
                    digest: "ab12".into(),
                    definitions: r#"[{"table":["public","orders"],"x_a":1.50}]"#.into(),
                    functions: None,
                },
                r#"{"version":1,"kind":"tables","digest":"ab12","definitions":[{"table":["public","orders"],"x_a":1.50}]}"#,
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
            r#"{"version":1,"kind":"tables_held","digest":1}"#,
            r#"{"version":1,"kind":"answer","number":7,"tick":41}"#,
            r#"{"version":1,"kind":"answer","number":7,"tick":41,"outcome":"lost"}"#,
            r#"{"version":1,"kind":"tables","digest":"a"}"#,
            r#"{"version":1,"kind":"tables","digest":1,"definitions":[]}"#,
            r#"{"version":1,"kind":"tables","digest":"a","definitions":{}}"#,
            r#"{"version":1,"kind":"tables","digest":"a","definitions":[}"#,
            r#"{"version":1,"kind":"tables","digest":"a","definitions":[],"more":1}"#,
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
