//! When to make a tick, and when to sleep.
//!
//! Invariant: the relay sleeps only after `doze()` said that every later commit will notify and a tick
//! after that found nothing. The poll interval is the guarantee; the notification only saves time.

use std::time::{Duration, Instant};

use crate::database::{self, Client, Drained, Tick};
use crate::error::Result;

/// Ticks at this pace while the broker is away or far behind, so that a backlog is many moderate ticks.
const SLOW: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Looks for itself. `restless` counts the times a commit in flight kept it from sleeping.
    Awake { restless: u32 },
    /// The flag is up in the database: commits notify. Left when notified or when a poll finds a tick.
    Asleep { notified: bool },
}

/// A newer tick than was known.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) tick: i64,
    /// The tick behind the known one with its first part, when they were read in the same breath.
    pub(crate) ahead: Option<(Tick, Drained)>,
}

impl Found {
    pub(super) fn alone(tick: i64) -> Self {
        Self { tick, ahead: None }
    }
}

/// The pace of ticking.
#[derive(Debug)]
pub(crate) struct Ticker {
    interval: Duration,
    poll: Duration,
    max_in_flight: i64,
    state: State,
    /// The last look that found something.
    found_at: Option<Instant>,
    /// The last look of any kind.
    looked_at: Option<Instant>,
}

impl Ticker {
    pub(crate) fn new(interval: Duration, poll: Duration, max_in_flight: i64) -> Self {
        Self {
            interval,
            poll,
            max_in_flight,
            state: State::Awake { restless: 0 },
            found_at: None,
            looked_at: None,
        }
    }

    /// A commit notified us.
    pub(crate) fn notify(&mut self) {
        if let State::Asleep { notified } = &mut self.state {
            *notified = true;
        }
    }

    /// When to look next. `unsettled` counts ticks made and not settled.
    pub(crate) fn due(&self, now: Instant, unsettled: i64, broker_up: bool) -> Instant {
        let looked_at = self.looked_at.unwrap_or(now);
        if self.state == (State::Asleep { notified: false }) {
            return looked_at + self.poll;
        }
        let spacing = if !broker_up || unsettled >= self.max_in_flight {
            SLOW
        } else if unsettled > 0 {
            self.interval
        } else {
            Duration::ZERO
        };
        let paced = self.found_at.map_or(now, |found| found + spacing);
        match self.state {
            State::Awake { restless } if restless > 0 => {
                let pause = Duration::from_millis(1u64 << restless.min(6));
                paced.max(looked_at + pause.min(self.interval))
            }
            _ => paced,
        }
    }

    /// Looks for something new behind the tick `known`: makes a tick, or falls asleep. `read_ahead`: the
    /// tick would be published at once.
    pub(crate) async fn look(
        &mut self,
        client: &Client,
        known: i64,
        read_ahead: bool,
    ) -> Result<Option<Found>> {
        let found = match self.state {
            State::Awake { restless } => self
                .look_awake(client, known, restless)
                .await?
                .map(Found::alone),
            State::Asleep { notified: true } => {
                // One round trip: all are sent at once, and run in this order; the tick is on disk when
                // the next of them begins.
                let (found, ahead, woken) = tokio::join!(
                    database::tick(client, known),
                    async {
                        if read_ahead {
                            database::next_part(client, known).await
                        } else {
                            Ok(None)
                        }
                    },
                    database::wake(client),
                );
                woken?;
                self.state = State::Awake { restless: 0 };
                // What could not be read ahead is read when its turn comes.
                let ahead = ahead.ok().flatten();
                found?.map(|tick| Found { tick, ahead })
            }
            State::Asleep { notified: false } => {
                let found = database::tick(client, known).await?;
                if found.is_some() {
                    database::wake(client).await?;
                    self.state = State::Awake { restless: 0 };
                }
                found.map(Found::alone)
            }
        };
        let now = Instant::now();
        self.looked_at = Some(now);
        if found.is_some() {
            self.found_at = Some(now);
        }
        Ok(found)
    }

    async fn look_awake(
        &mut self,
        client: &Client,
        known: i64,
        restless: u32,
    ) -> Result<Option<i64>> {
        if let Some(found) = database::tick(client, known).await? {
            self.state = State::Awake { restless: 0 };
            return Ok(Some(found));
        }
        let (dozing, found) = tokio::join!(database::doze(client), database::tick(client, known));
        let (dozing, found) = (dozing?, found?);
        self.state = match (dozing, found) {
            (true, None) => State::Asleep { notified: false },
            (true, Some(_)) => {
                database::wake(client).await?;
                State::Awake { restless: 0 }
            }
            (false, Some(_)) => State::Awake { restless: 0 },
            (false, None) => State::Awake {
                restless: restless.saturating_add(1),
            },
        };
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn ticker() -> Ticker {
        Ticker::new(10 * MS, 1_000 * MS, 16)
    }

    #[test]
    fn asleep_it_polls_and_a_notification_makes_it_due_at_once() {
        let now = Instant::now();
        let mut ticker = ticker();
        ticker.state = State::Asleep { notified: false };
        ticker.looked_at = Some(now);
        assert_eq!(ticker.due(now, 0, true), now + 1_000 * MS);
        ticker.notify();
        assert!(ticker.due(now, 0, true) <= now);
    }

    #[test]
    fn under_load_it_keeps_its_distance() {
        let now = Instant::now();
        let mut ticker = ticker();
        ticker.found_at = Some(now);
        ticker.looked_at = Some(now);
        assert_eq!(ticker.due(now, 0, true), now);
        assert_eq!(ticker.due(now, 3, true), now + 10 * MS);
        assert_eq!(ticker.due(now, 16, true), now + SLOW);
        assert_eq!(ticker.due(now, 1, false), now + SLOW);
    }

    #[test]
    fn a_commit_in_flight_is_no_reason_to_spin() {
        let now = Instant::now();
        let mut ticker = ticker();
        ticker.looked_at = Some(now);
        ticker.state = State::Awake { restless: 1 };
        assert_eq!(ticker.due(now, 0, true), now + 2 * MS);
        ticker.state = State::Awake { restless: 40 };
        assert_eq!(ticker.due(now, 0, true), now + 10 * MS);
    }
}
