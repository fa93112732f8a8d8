//! At a branch: a reading of the head's tables is taken where it stands among the ticks, and answered.
//!
//! Invariant: it never holds up the lane: one that does not fit is dropped, and the head, which keeps what it
//! wants until it is answered, reads again.

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

/// Takes it, answers and acknowledges. `None`: told to stop in the middle.
pub(super) async fn take(shared: &Shared, message: &ReadingMessage, acker: &Acker) -> Option<()> {
    let (outcome, answer) = match shared.applier.take_reading(message).await? {
        Ok(taken) => match taken.outcome.as_str() {
            "taken" => (Some(Outcome::Taken), json(taken.answer)),
            "missed" => (Some(Outcome::Missed), None),
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
    acknowledge(acker).await;
    Some(())
}
