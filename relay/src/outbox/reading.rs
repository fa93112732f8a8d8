//! Readings: something of the head's tables at one tick, sent to one branch behind that tick and before the
//! next (head only).
//!
//! Invariant: between the reading of a tick's state and the handing over of its message no later tick is made.
//! What is wanted stands in the database until the branch has answered, so whatever is lost here is read again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{Outbox, publish};
use crate::database::{self, Found, Reading, Role};
use crate::error::Result;

/// How often one looks while something is wanted or awaited, and while nothing is.
const LOOK_OPEN: Duration = Duration::from_millis(500);
const LOOK_IDLE: Duration = Duration::from_secs(5);

/// So many are handed to the broker and not confirmed: what a relay that dies takes with it is read again.
const MAX_IN_FLIGHT: usize = 2;

/// What was read and is on its way.
#[derive(Debug, Default)]
pub(super) struct Readings {
    look_at: Option<Instant>,
    /// Read, and waiting for its tick to be handed over.
    next: Option<Reading>,
    /// Handed to the broker and not confirmed: number and branch.
    in_flight: BTreeMap<i64, String>,
    /// These did not leave; the database is to be told.
    lost: Vec<i64>,
}

impl Readings {
    /// Whether one waits for its tick: then no later one may be made.
    pub(super) fn waits(&self) -> bool {
        self.next.is_some()
    }

    /// When to look again.
    pub(super) fn due(&self, now: Instant) -> Instant {
        self.look_at.unwrap_or(now)
    }

    pub(super) fn look_soon(&mut self) {
        self.look_at = None;
    }

    pub(super) fn confirmed(&mut self, number: i64) {
        self.in_flight.remove(&number);
    }

    /// The broker has no queue of that branch.
    pub(super) fn lose_those_of(&mut self, branch: &str) {
        let lost = self.in_flight.extract_if(.., |_, of| of == branch);
        self.lost.extend(lost.map(|(number, _)| number));
    }

    /// What was read can't go out now.
    pub(super) fn give_up(&mut self) {
        self.lost
            .extend(self.next.take().map(|reading| reading.number));
    }

    /// The same, of what is for that branch.
    pub(super) fn give_up_for(&mut self, branch: &str) {
        if self.next.as_ref().is_some_and(|next| next.branch == branch) {
            self.give_up();
        }
    }

    /// Nobody knows what became of those that were handed over.
    pub(super) fn lose_all(&mut self) {
        let sent = std::mem::take(&mut self.in_flight);
        self.lost.extend(sent.into_keys());
        self.give_up();
    }
}

impl Outbox {
    /// At the head, between two ticks: hands over the reading that waits, or reads the next one that is wanted.
    /// False: nothing to do now.
    pub(super) async fn read_or_publish_reading(&mut self, now: Instant) -> Result<bool> {
        if self.around.office.role != Role::Head || self.stream.pending() {
            return Ok(false);
        }
        if let Some(reading) = self.readings.next.take() {
            self.publish_reading(reading);
            return Ok(true);
        }
        if self.readings.in_flight.len() >= MAX_IN_FLIGHT
            || self.readings.due(now) > now
            || self.everybody_rests.is_some_and(|until| until > now)
        {
            return Ok(false);
        }
        self.read_next(now).await
    }

    async fn read_next(&mut self, now: Instant) -> Result<bool> {
        let client = &self.session.client;
        if !self.readings.lost.is_empty() {
            database::want_again(client, &self.readings.lost).await?;
            self.readings.lost.clear();
        }
        // A branch that lacks ticks could not place it.
        let mut busy = self.resends.behind();
        busy.extend(self.held.names());
        let read = database::read_next(client, &busy).await;
        let read = match read {
            Ok(read) => read,
            Err(error) if error.sqlstate().is_some() => {
                // All is as before. Someone else has made a tick just now, or answered.
                if matches!(error.sqlstate(), Some("40001" | "23505")) {
                    tracing::debug!(%error, "a reading is put off");
                } else {
                    tracing::warn!(%error, "what is wanted of the tables could not be read; trying again");
                }
                self.readings.look_at = Some(now + LOOK_OPEN);
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        let Some(reading) = read.reading else {
            let pause = if read.open { LOOK_OPEN } else { LOOK_IDLE };
            self.readings.look_at = Some(now + pause);
            return Ok(false);
        };
        if reading.tick < self.stream.made {
            // A tick was made behind our back that this snapshot does not see.
            self.readings.lost.push(reading.number);
            return Ok(true);
        }
        if reading.tick > self.stream.made {
            let tick = reading.tick;
            self.stream.found(Found { tick, whole: None });
        }
        self.readings.next = Some(reading);
        Ok(true)
    }

    fn publish_reading(&mut self, reading: Reading) {
        let Some(publisher) = self.broker.up() else {
            self.readings.lost.push(reading.number);
            return;
        };
        tracing::debug!(
            branch = reading.branch,
            kind = reading.kind,
            number = reading.number,
            tick = reading.tick,
            bytes = reading.body.len(),
            "publishing a reading"
        );
        let (number, branch) = (reading.number, reading.branch.clone());
        self.readings.in_flight.insert(number, branch);
        let (outgoing, what) = publish::reading(&self.around.office, publisher.user(), reading);
        publisher.push(outgoing, what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_confirmed_is_wanted_again() {
        let mut readings = Readings::default();
        for (number, branch) in [(1, "b1"), (2, "b2"), (3, "b1"), (4, "b2")] {
            readings.in_flight.insert(number, branch.into());
        }
        readings.confirmed(1);
        readings.lose_those_of("b1");
        assert_eq!(readings.lost, [3]);
        readings.lose_all();
        assert_eq!(readings.lost, [3, 2, 4]);
        assert!(readings.in_flight.is_empty() && !readings.waits());
    }
}
