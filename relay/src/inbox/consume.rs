//! What a delivered message is, before any lane sees it.
//!
//! Invariant: headers are checked here, once; a message that fails is never requeued, so a hostile or
//! broken sender cannot make the relay spin.

use lapin::Acker;
use lapin::message::Delivery;

use crate::database::{Part, ReadingMessage, Sender};
use crate::message::{Control, Encoding, Kind, Malformed, read};

/// One part of a tick with what is needed to acknowledge it.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) part: Part,
    /// Set when the format is newer than this relay reads: the lane is halted with this reason.
    pub(crate) newer: Option<String>,
    pub(crate) acker: Acker,
}

/// What came.
#[derive(Debug)]
pub(crate) enum Incoming {
    Tick(Box<Received>),
    /// A reading of the head's tables, in its place among the ticks.
    Reading(Box<ReadingMessage>, Acker),
    Control {
        sender: Sender,
        control: Control,
        acker: Acker,
    },
    /// A control message that is compressed: it may be long, so it stays packed until its turn.
    Packed {
        sender: Sender,
        body: Vec<u8>,
        acker: Acker,
    },
    Malformed {
        part: Box<Part>,
        reason: String,
        acker: Acker,
    },
}

/// Sorts one delivery.
pub(crate) fn sort(delivery: Delivery) -> Incoming {
    let broker_user = delivery
        .properties
        .user_id()
        .as_ref()
        .map(|user| user.as_str().to_owned());
    let kind = read(&delivery.properties);
    let (body, acker) = (delivery.data, delivery.acker);
    match kind {
        Ok(Kind::Tick(header, encoding)) => Incoming::Tick(Box::new(Received {
            part: part(*header, encoding, broker_user, body),
            newer: None,
            acker,
        })),
        Ok(Kind::Reading(header, encoding)) => Incoming::Reading(
            Box::new(ReadingMessage {
                sender: Sender {
                    origin: header.origin,
                    incarnation: header.incarnation,
                    broker_user,
                },
                tick: header.tick,
                kind: header.kind,
                number: header.number,
                encoding,
                body,
            }),
            acker,
        ),
        Ok(Kind::Control {
            origin,
            incarnation,
            encoding,
        }) => {
            let sender = Sender {
                origin,
                incarnation,
                broker_user,
            };
            if encoding == Encoding::Zstd {
                return Incoming::Packed {
                    sender,
                    body,
                    acker,
                };
            }
            match Control::unpack(encoding, &body) {
                Ok(control) => Incoming::Control {
                    sender,
                    control,
                    acker,
                },
                Err(error) => Incoming::Malformed {
                    part: Box::new(remains(Some(sender.origin), sender.broker_user, body)),
                    reason: format!("not a control message: {error}"),
                    acker,
                },
            }
        }
        Err(Malformed {
            newer: Some(newer),
            reason,
            ..
        }) => {
            let (header, encoding) = *newer;
            Incoming::Tick(Box::new(Received {
                part: part(header, encoding, broker_user, body),
                newer: Some(reason),
                acker,
            }))
        }
        Err(Malformed { origin, reason, .. }) => Incoming::Malformed {
            part: Box::new(remains(origin, broker_user, body)),
            reason,
            acker,
        },
    }
}

fn part(
    header: officesync_wire::message::TickHeader,
    encoding: String,
    broker_user: Option<String>,
    body: Vec<u8>,
) -> Part {
    Part {
        origin: header.origin,
        incarnation: header.incarnation,
        tick: header.tick,
        previous: header.previous,
        number: header.part,
        last: header.last,
        created_us: header.created_us,
        peer_position: header.position,
        position_incarnation: header.position_incarnation,
        broker_user,
        encoding,
        continued: header.continued,
        body,
    }
}

/// What is left of a message whose headers cannot be used, for the quarantine.
pub(super) fn remains(origin: Option<String>, broker_user: Option<String>, body: Vec<u8>) -> Part {
    Part {
        origin: origin.unwrap_or_default(),
        incarnation: String::new(),
        tick: 0,
        previous: 0,
        number: 0,
        last: false,
        created_us: 0,
        peer_position: None,
        position_incarnation: None,
        broker_user,
        encoding: "identity".to_owned(),
        continued: false,
        body,
    }
}
