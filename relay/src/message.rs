//! Where messages go (the topology's names), and message properties to and from the wire's words.
//!
//! Invariant: the names are fixed by `docs/wire-format.md`; a body is never looked into here.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use officesync_wire::VERSION;
use officesync_wire::message::{
    CONTENT_TYPE_CONTROL, CONTENT_TYPE_READING, CONTENT_TYPE_TICK, HEADER_CONTINUED,
    HEADER_CREATED, HEADER_INCARNATION, HEADER_KIND, HEADER_LAST, HEADER_NUMBER, HEADER_ORIGIN,
    HEADER_PART, HEADER_POSITION, HEADER_POSITION_INCARNATION, HEADER_PREVIOUS, HEADER_TICK,
    HEADER_VERSION, MessageId, ReadingHeader, TYPE_CONTROL, TYPE_READING, TYPE_TICK, TickHeader,
    control_message_id,
};

use crate::database::Office;

pub(crate) use officesync_wire::message::{
    Control, Encoding, KEY_ALL, KEY_HEAD, Load, Outcome, Role as WireRole,
};

pub(crate) const EXCHANGE_UP: &str = "officesync.up";
pub(crate) const EXCHANGE_DOWN: &str = "officesync.down";
pub(crate) const QUEUE_HEAD: &str = "officesync.head";

/// The queue of one branch.
pub(crate) fn branch_queue(branch: &str) -> String {
    format!("officesync.branch.{branch}")
}

/// The header by which RabbitMQ routes a message by further keys; it takes it away before delivery.
const HEADER_BCC: &str = "BCC";

/// The properties of one part of a tick; `others`: further keys to route it by.
pub(crate) fn tick_properties(
    header: &TickHeader,
    user: &str,
    encoding: &str,
    others: &[String],
) -> BasicProperties {
    let mut fields = identity(&header.origin, &header.incarnation);
    let mut put = |name: &str, value: AMQPValue| {
        fields.insert(name.into(), value);
    };
    put(HEADER_TICK, AMQPValue::LongLongInt(header.tick));
    put(HEADER_PREVIOUS, AMQPValue::LongLongInt(header.previous));
    put(HEADER_PART, AMQPValue::LongInt(header.part));
    put(HEADER_LAST, AMQPValue::Boolean(header.last));
    if header.continued {
        put(HEADER_CONTINUED, AMQPValue::Boolean(true));
    }
    put(HEADER_CREATED, AMQPValue::LongLongInt(header.created_us));
    if let (Some(position), Some(incarnation)) = (header.position, &header.position_incarnation) {
        put(HEADER_POSITION, AMQPValue::LongLongInt(position));
        put(HEADER_POSITION_INCARNATION, text(incarnation));
    }
    if !others.is_empty() {
        let keys: Vec<AMQPValue> = others.iter().map(|key| text(key)).collect();
        put(HEADER_BCC, AMQPValue::FieldArray(keys.into()));
    }
    let id = header.message_id().to_string();
    properties(fields, TYPE_TICK, CONTENT_TYPE_TICK, &id, user)
        .with_content_encoding(short(encoding))
        .with_timestamp(u64::try_from(header.created_us / 1_000_000).unwrap_or(0))
}

/// The properties of a reading of this office; its body is one zstd frame.
pub(crate) fn reading_properties(header: &ReadingHeader, user: &str) -> BasicProperties {
    let mut fields = identity(&header.origin, &header.incarnation);
    fields.insert(HEADER_TICK.into(), AMQPValue::LongLongInt(header.tick));
    fields.insert(HEADER_KIND.into(), text(&header.kind));
    fields.insert(HEADER_NUMBER.into(), AMQPValue::LongLongInt(header.number));
    let id = header.message_id();
    properties(fields, TYPE_READING, CONTENT_TYPE_READING, &id, user)
        .with_content_encoding(short(Encoding::Zstd.as_str()))
}

/// The properties of a control message of this office.
pub(crate) fn control_properties(
    office: &Office,
    user: &str,
    encoding: Encoding,
) -> BasicProperties {
    let fields = identity(&office.name, &office.incarnation);
    let uuid = uuid::Uuid::new_v4().to_string();
    let id = control_message_id(&office.name, &office.incarnation, &uuid);
    let properties = properties(fields, TYPE_CONTROL, CONTENT_TYPE_CONTROL, &id, user);
    match encoding {
        Encoding::Identity => properties,
        Encoding::Zstd => properties.with_content_encoding(short(encoding.as_str())),
    }
}

fn properties(
    fields: FieldTable,
    kind: &str,
    content: &str,
    id: &str,
    user: &str,
) -> BasicProperties {
    const PERSISTENT: u8 = 2;
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_type(short(kind))
        .with_content_type(short(content))
        .with_message_id(short(id))
        .with_user_id(short(user))
        .with_headers(fields)
}

fn identity(origin: &str, incarnation: &str) -> FieldTable {
    let mut fields = FieldTable::default();
    let version = i32::try_from(VERSION).unwrap_or(i32::MAX);
    fields.insert(HEADER_VERSION.into(), AMQPValue::LongInt(version));
    fields.insert(HEADER_ORIGIN.into(), text(origin));
    fields.insert(HEADER_INCARNATION.into(), text(incarnation));
    fields
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(LongString::from(value))
}

/// A short string; one that is too long for AMQP goes out empty and the broker refuses the message.
pub(crate) fn short(value: &str) -> ShortString {
    ShortString::try_new(value).unwrap_or_default()
}

/// What the properties of a delivered message say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One part of a tick.
    Tick(Box<TickHeader>, String),
    /// A reading of the head's tables at one tick.
    Reading(Box<ReadingHeader>, String),
    /// A control message and who sent it.
    Control {
        origin: String,
        incarnation: String,
        encoding: Encoding,
    },
}

/// Why a message's properties are not acceptable, with whatever could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Malformed {
    pub(crate) origin: Option<String>,
    /// Set when the message only needs a newer relay: its headers, if they read well.
    pub(crate) newer: Option<Box<(TickHeader, String)>>,
    pub(crate) reason: String,
}

/// Reads and checks the properties of a message. Nothing is taken on trust.
pub(crate) fn read(properties: &BasicProperties) -> Result<Kind, Malformed> {
    let fields = Fields(properties.headers().as_ref());
    let origin = fields.text(HEADER_ORIGIN);
    let fail = |reason: &str| Malformed {
        origin: origin.clone(),
        newer: None,
        reason: reason.to_owned(),
    };
    let version = fields
        .number(HEADER_VERSION)
        .ok_or_else(|| fail("no officesync-version header"))?;
    if version < 1 {
        return Err(fail("officesync-version is not a version"));
    }
    let kind = properties.kind().as_ref().map(ShortString::as_str);
    let id = properties.message_id().as_ref().map(ShortString::as_str);
    match kind {
        Some(TYPE_TICK) => {
            let header = tick_header(&fields).map_err(|reason| fail(&reason))?;
            let id: MessageId = id
                .unwrap_or_default()
                .parse()
                .map_err(|_| fail("the message id is not one of a tick"))?;
            if id != header.message_id() {
                return Err(fail("the message id does not match the headers"));
            }
            let encoding = properties
                .content_encoding()
                .as_ref()
                .map_or("identity", ShortString::as_str)
                .to_owned();
            if version > i64::from(VERSION) {
                return Err(Malformed {
                    newer: Some(Box::new((header, encoding))),
                    ..fail(&format!("version {version} is newer than this relay reads"))
                });
            }
            Ok(Kind::Tick(Box::new(header), encoding))
        }
        Some(TYPE_READING) => {
            if version > i64::from(VERSION) {
                return Err(fail("a reading of a newer version"));
            }
            let header = reading_header(&fields).map_err(|reason| fail(&reason))?;
            if id != Some(header.message_id().as_str()) {
                return Err(fail("the message id does not match the headers"));
            }
            let encoding = properties
                .content_encoding()
                .as_ref()
                .map_or("identity", ShortString::as_str)
                .to_owned();
            Ok(Kind::Reading(Box::new(header), encoding))
        }
        Some(TYPE_CONTROL) => {
            if version > i64::from(VERSION) {
                return Err(fail("a control message of a newer version"));
            }
            let origin = origin
                .clone()
                .ok_or_else(|| fail("no officesync-origin header"))?;
            let incarnation = fields
                .text(HEADER_INCARNATION)
                .ok_or_else(|| fail("no officesync-incarnation header"))?;
            let prefix = format!("{origin}/{incarnation}/control/");
            if !id.unwrap_or_default().starts_with(&prefix) {
                return Err(fail("the message id does not match the headers"));
            }
            let encoding = properties
                .content_encoding()
                .as_ref()
                .map_or("identity", ShortString::as_str)
                .parse()
                .map_err(|_| fail("the content-encoding of a control message is unknown"))?;
            Ok(Kind::Control {
                origin,
                incarnation,
                encoding,
            })
        }
        _ => Err(fail(
            "the message type is not one of tick, reading, control",
        )),
    }
}

fn tick_header(fields: &Fields<'_>) -> Result<TickHeader, String> {
    let missing = |name: &str| format!("no usable {name} header");
    let number = |name: &str| fields.number(name).ok_or_else(|| missing(name));
    let words = |name: &str| fields.text(name).ok_or_else(|| missing(name));
    let header = TickHeader {
        origin: words(HEADER_ORIGIN)?,
        incarnation: words(HEADER_INCARNATION)?,
        tick: number(HEADER_TICK)?,
        previous: number(HEADER_PREVIOUS)?,
        part: i32::try_from(number(HEADER_PART)?).map_err(|_| missing(HEADER_PART))?,
        last: fields
            .switch(HEADER_LAST)
            .ok_or_else(|| missing(HEADER_LAST))?,
        continued: match fields.get(HEADER_CONTINUED) {
            None => false,
            Some(_) => fields
                .switch(HEADER_CONTINUED)
                .ok_or_else(|| missing(HEADER_CONTINUED))?,
        },
        position: fields.number(HEADER_POSITION),
        position_incarnation: fields.text(HEADER_POSITION_INCARNATION),
        created_us: number(HEADER_CREATED)?,
        targeted: None,
    };
    header.check().map_err(|error| error.to_string())?;
    Ok(header)
}

fn reading_header(fields: &Fields<'_>) -> Result<ReadingHeader, String> {
    let missing = |name: &str| format!("no usable {name} header");
    let number = |name: &str| fields.number(name).ok_or_else(|| missing(name));
    let words = |name: &str| fields.text(name).ok_or_else(|| missing(name));
    let header = ReadingHeader {
        origin: words(HEADER_ORIGIN)?,
        incarnation: words(HEADER_INCARNATION)?,
        tick: number(HEADER_TICK)?,
        kind: words(HEADER_KIND)?,
        number: number(HEADER_NUMBER)?,
    };
    header.check().map_err(|error| error.to_string())?;
    Ok(header)
}

struct Fields<'a>(Option<&'a FieldTable>);

impl Fields<'_> {
    fn get(&self, name: &str) -> Option<&AMQPValue> {
        self.0?.inner().get(name)
    }

    fn number(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            AMQPValue::ShortShortInt(value) => Some(i64::from(*value)),
            AMQPValue::ShortShortUInt(value) => Some(i64::from(*value)),
            AMQPValue::ShortInt(value) => Some(i64::from(*value)),
            AMQPValue::ShortUInt(value) => Some(i64::from(*value)),
            AMQPValue::LongInt(value) => Some(i64::from(*value)),
            AMQPValue::LongUInt(value) => Some(i64::from(*value)),
            AMQPValue::LongLongInt(value) => Some(*value),
            _ => None,
        }
    }

    fn text(&self, name: &str) -> Option<String> {
        match self.get(name)? {
            AMQPValue::LongString(value) => std::str::from_utf8(value.as_bytes())
                .ok()
                .map(str::to_owned),
            AMQPValue::ShortString(value) => Some(value.as_str().to_owned()),
            _ => None,
        }
    }

    fn switch(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            AMQPValue::Boolean(value) => Some(*value),
            _ => None,
        }
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
            created_us: 1_700_000_000_000_000,
            targeted: None,
        }
    }

    #[test]
    fn a_part_reads_back() {
        let properties = tick_properties(&header(), "relay", "zstd", &[]);
        assert_eq!(
            read(&properties),
            Ok(Kind::Tick(Box::new(header()), "zstd".into()))
        );
    }

    #[test]
    fn a_piece_of_a_body_reads_back_and_never_ends_a_tick() {
        let piece = TickHeader {
            last: false,
            continued: true,
            ..header()
        };
        let properties = tick_properties(&piece, "relay", "zstd", &[]);
        assert_eq!(
            read(&properties),
            Ok(Kind::Tick(Box::new(piece.clone()), "zstd".into()))
        );
        let mut fields = properties.headers().clone().unwrap_or_default();
        fields.insert(HEADER_CONTINUED.into(), AMQPValue::LongInt(1));
        assert!(read(&properties.with_headers(fields)).is_err());
        let endless = TickHeader {
            last: true,
            ..piece
        };
        assert!(read(&tick_properties(&endless, "relay", "zstd", &[])).is_err());
    }

    #[test]
    fn a_reading_reads_back() {
        let header = ReadingHeader {
            origin: "head".into(),
            incarnation: "77aa".into(),
            tick: 0,
            kind: "ranges".into(),
            number: 7,
        };
        let properties = reading_properties(&header, "relay");
        assert_eq!(
            read(&properties),
            Ok(Kind::Reading(Box::new(header), "zstd".into()))
        );
        let forged = properties.with_message_id("head/77aa/reading/8/0".into());
        assert!(read(&forged).is_err());
    }

    #[test]
    fn broken_properties_are_refused() {
        let good = tick_properties(&header(), "relay", "zstd", &[]);
        let without = |name: &str| {
            let mut fields = FieldTable::default();
            for (key, value) in good.headers().clone().unwrap_or_default().inner() {
                if key.as_str() != name {
                    fields.insert(key.clone(), value.clone());
                }
            }
            good.clone().with_headers(fields)
        };
        for name in [
            HEADER_VERSION,
            HEADER_ORIGIN,
            HEADER_TICK,
            HEADER_PART,
            HEADER_LAST,
        ] {
            assert!(read(&without(name)).is_err(), "{name}");
        }
        assert!(read(&good.clone().with_type("other".into())).is_err());
        assert!(read(&good.clone().with_message_id("branch2/9f3c/17/1".into())).is_err());
        assert!(read(&BasicProperties::default()).is_err());
    }

    #[test]
    fn a_newer_version_keeps_its_headers() {
        let mut properties = tick_properties(&header(), "relay", "zstd", &[]);
        let mut fields = properties.headers().clone().unwrap_or_default();
        fields.insert(HEADER_VERSION.into(), AMQPValue::LongInt(2));
        properties = properties.with_headers(fields);
        let malformed = read(&properties).unwrap_err();
        assert_eq!(malformed.newer.map(|newer| newer.0), Some(header()));
    }
}
