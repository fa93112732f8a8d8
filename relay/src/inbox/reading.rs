//! At a branch: a reading of the head's tables is taken where it stands among the ticks, and answered.
//!
//! Invariant: it never holds up the lane: one that does not fit is dropped, and the head, which keeps what it
//! wants until it is answered, reads again. One that comes before its tick, because ticks were lost and are sent
//! again, waits here for it.

use std::collections::BTreeMap;

use lapin::Acker;
use serde_json::Value;

use super::lane::Shared;
use super::settle::acknowledge;
use crate::database::ReadingMessage;
use crate::message::{Control, KEY_HEAD, Outcome};
use crate::outbox::listen::Command;

fn json(text: Option<String>) -> Option<Value> {
    text.and_then(|text| serde_json::from_str(&text).ok())
}

/// So much may wait for its tick; the rest is read again.
const MAX_EARLY_BYTES: usize = 16 << 20;

/// Readings that wait for their tick, by tick and number. They are acknowledged: what is lost with this process
/// is read again.
#[derive(Debug, Default)]
pub(super) struct Early(BTreeMap<(i64, i64), ReadingMessage>);

impl Early {
    fn has_room_for(&self, message: &ReadingMessage) -> bool {
        let bytes: usize = self.0.values().map(|early| early.body.len()).sum();
        bytes + message.body.len() <= MAX_EARLY_BYTES
    }

    /// Takes out those whose tick has come, or is over.
    fn until(&mut self, position: i64) -> Vec<ReadingMessage> {
        let later = self.0.split_off(&(position + 1, 0));
        std::mem::replace(&mut self.0, later)
            .into_values()
            .collect()
    }
}

/// Takes it, or keeps it for its tick; then acknowledges. `None`: told to stop in the middle.
pub(super) async fn receive(
    shared: &Shared,
    early: &mut Early,
    message: ReadingMessage,
    acker: &Acker,
) -> Option<()> {
    let may_wait = early.has_room_for(&message);
    if let Some(waits) = take(shared, message, may_wait).await? {
        early.0.insert((waits.tick, waits.number), waits);
    }
    acknowledge(acker).await;
    Some(())
}

/// Takes those whose tick was just applied.
pub(super) async fn take_early(shared: &Shared, early: &mut Early, position: i64) -> Option<()> {
    for message in early.until(position) {
        take(shared, message, false).await?;
    }
    Some(())
}

/// Takes and answers it, or gives it back to wait. `None`: told to stop in the middle.
async fn take(
    shared: &Shared,
    message: ReadingMessage,
    may_wait: bool,
) -> Option<Option<ReadingMessage>> {
    let (outcome, answer) = match shared.applier.take_reading(&message).await? {
        Ok(taken) if taken.outcome == "early" && may_wait => return Some(Some(message)),
        Ok(taken) => match taken.outcome.as_str() {
            "taken" => (Some(Outcome::Taken), json(taken.answer)),
            "missed" | "early" => (Some(Outcome::Missed), None),
            "failed" => (Some(Outcome::Failed), json(taken.answer)),
            _ => (None, None),
        },
        Err(error) => (Some(Outcome::Failed), Some(Value::from(error.to_string()))),
    };
    let (origin, kind, number) = (&message.sender.origin, &message.kind, message.number);
    match outcome {
        Some(Outcome::Failed) => {
            tracing::warn!(
                origin,
                kind,
                number,
                "a reading of the head could not be taken"
            );
        }
        Some(outcome) => {
            tracing::debug!(
                origin,
                kind,
                number,
                tick = message.tick,
                ?outcome,
                "a reading"
            );
        }
        None => tracing::error!(
            origin,
            kind,
            number,
            "a reading was put into officesync.quarantine"
        ),
    }
    if let Some(outcome) = outcome {
        let control = Control::Answer {
            number,
            tick: message.tick,
            outcome,
            answer,
        };
        let key = KEY_HEAD.to_owned();
        let saying = shared.commands.send(Command::Say { key, control });
        shared.stop.run_until_cancelled(saying).await?.ok()?;
    }
    Some(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::Sender;

    fn message(tick: i64, number: i64, bytes: usize) -> ReadingMessage {
        ReadingMessage {
            sender: Sender {
                origin: "head".into(),
                incarnation: "i".into(),
                broker_user: None,
            },
            tick,
            kind: "load_rows".into(),
            number,
            encoding: "zstd".into(),
            body: vec![0; bytes],
        }
    }

    #[test]
    fn what_waits_is_taken_when_its_tick_has_come() {
        let mut early = Early::default();
        for (tick, number) in [(5, 2), (4, 9), (5, 1), (7, 3)] {
            early.0.insert((tick, number), message(tick, number, 1));
        }
        let numbers = |taken: Vec<ReadingMessage>| -> Vec<i64> {
            taken.iter().map(|message| message.number).collect()
        };
        assert!(early.until(3).is_empty());
        assert_eq!(numbers(early.until(5)), [9, 1, 2]);
        assert!(early.has_room_for(&message(8, 4, MAX_EARLY_BYTES - 1)));
        assert!(!early.has_room_for(&message(8, 4, MAX_EARLY_BYTES)));
        assert_eq!(numbers(early.until(9)), [3]);
    }
}
