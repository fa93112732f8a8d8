//! Turns drained parts and control messages into what goes to the broker.
//!
//! Invariant: bodies are forwarded as they are, never parsed.

use officesync_wire::message::{ReadingHeader, TickHeader};

use super::drain::{Target, Underway};
use super::settle::Confirmed;
use crate::broker::publisher::Outgoing;
use crate::database::{Drained, Office, Reading, Role};
use crate::error::{Error, Result};
use crate::inbox::position::Position;
use crate::message::{
    Control, KEY_ALL, KEY_HEAD, control_properties, reading_properties, tick_properties,
};

/// One part of a tick, ready to leave; its body is moved out of what was drained.
pub(crate) fn part(
    office: &Office,
    user: &str,
    underway: &Underway,
    drained: &mut Drained,
    position: Option<Position>,
) -> (Outgoing, Confirmed) {
    let tick = underway.tick;
    let (position, position_incarnation) = match position {
        Some(position) => (Some(position.tick), Some(position.incarnation)),
        None => (None, None),
    };
    let header = TickHeader {
        origin: office.name.clone(),
        incarnation: office.incarnation.clone(),
        tick: tick.number,
        previous: tick.previous,
        part: underway.part,
        last: drained.last,
        // The piece of a row that is larger than a part: the next part begins in the middle of it.
        continued: drained.next.byte > 0,
        position,
        position_incarnation,
        created_us: tick.created_us,
        targeted: None,
    };
    let ends = drained.last && underway.is_last_share();
    let what = match (&underway.target, underway.share()) {
        (Target::Everybody, Some(branches)) => Confirmed::Share {
            branches: branches.to_vec(),
            tick: tick.number,
            previous: tick.previous,
            last: ends,
        },
        (Target::Everybody, None) => Confirmed::Part {
            tick: tick.number,
            previous: tick.previous,
            last: drained.last,
        },
        (Target::Branch(branch), _) => Confirmed::Again {
            branch: branch.clone(),
            tick: tick.number,
            last: drained.last,
        },
    };
    let (key, others) = match underway.share() {
        Some([first, others @ ..]) => (first.clone(), others),
        _ => (key(office, &underway.target), &[][..]),
    };
    let outgoing = Outgoing {
        key,
        id: header.message_id().to_string(),
        properties: tick_properties(&header, user, &drained.encoding, others),
        body: std::mem::take(&mut drained.body),
    };
    (outgoing, what)
}

/// A reading, ready to leave.
pub(crate) fn reading(office: &Office, user: &str, reading: Reading) -> (Outgoing, Confirmed) {
    let header = ReadingHeader {
        origin: office.name.clone(),
        incarnation: office.incarnation.clone(),
        tick: reading.tick,
        kind: reading.kind,
        number: reading.number,
    };
    let what = Confirmed::Reading {
        branch: reading.branch.clone(),
        number: reading.number,
    };
    let outgoing = Outgoing {
        key: reading.branch,
        id: header.message_id(),
        properties: reading_properties(&header, user),
        body: reading.body,
    };
    (outgoing, what)
}

fn key(office: &Office, target: &Target) -> String {
    match (office.role, target) {
        (Role::Branch, _) => KEY_HEAD.to_owned(),
        (Role::Head, Target::Everybody) => KEY_ALL.to_owned(),
        (Role::Head, Target::Branch(branch)) => branch.clone(),
    }
}

/// A control message, ready to leave.
pub(crate) fn control(
    office: &Office,
    user: &str,
    key: String,
    control: &Control,
) -> Result<(Outgoing, Confirmed)> {
    let (encoding, body) = control
        .pack()
        .map_err(|_| Error::Unpublished("not encodable"))?;
    let properties = control_properties(office, user, encoding);
    let id = properties.message_id().as_ref();
    let outgoing = Outgoing {
        key,
        id: id.map(|id| id.as_str().to_owned()).unwrap_or_default(),
        properties,
        body,
    };
    Ok((outgoing, Confirmed::Control))
}
