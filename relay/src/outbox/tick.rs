//! When to make a tick, and when to sleep.
//!
//! Invariant: the relay sleeps only after `doze()` said that every later commit will notify and a tick
//! after that found nothing. The poll interval is the guarantee; the notification only saves time.

use std::time::{Duration, Instant};

use crate::config::Config;
use crate::database::{self, Client, Found};
use crate::error::Result;

/// Ticks at this pace while the broker is away or far behind, so that a backlog is many moderate ticks.
const SLOW: Duration = Duration::from_secs(1);
/// The next tick waits so long for each change of the last one. So an office that makes fewer than 2 000 changes a second
/// ticks as often as they travel, and a busier one makes ticks that grow: what a tick costs, whatever is in it, at both
/// ends and in the broker, is shared by more changes.
const REST_FOR_A_CHANGE: Duration = Duration::from_micros(500);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Looks for itself. `restless` counts the times a commit in flight kept it from sleeping.
    Awake { restless: u32 },
    /// The flag is up in the database: commits notify. Left when notified or when a poll finds a tick.
    Asleep { notified: bool },
}

/// The pace of ticking.
#[derive(Debug)]
pub(crate) struct Ticker {
    interval: Duration,
    longest: Duration,
    poll: Duration,
    max_in_flight: i64,
    state: State,
    /// How long the last tick gives the next one to fill.
    rest: Duration,
    /// The last look that found something.
    found_at: Option<Instant>,
    /// The last look of any kind.
    looked_at: Option<Instant>,
}

impl Ticker {
    pub(crate) fn new(config: &Config) -> Self {
        Self::paced(
            (config.tick_interval, config.tick_interval_max),
            config.poll_interval,
            config.max_ticks_in_flight,
        )
    }

    fn paced(
        (interval, longest): (Duration, Duration),
        poll: Duration,
        max_in_flight: i64,
    ) -> Self {
        Self {
            interval,
            longest,
            poll,
            max_in_flight,
            rest: Duration::ZERO,
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

    /// Part of a tick left, with so many changes.
    pub(crate) fn carried(&mut self, changes: i32) {
        let rest = REST_FOR_A_CHANGE.saturating_mul(u32::try_from(changes).unwrap_or(0));
        self.rest = self.rest.max(rest.min(self.longest));
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
            self.interval.max(self.rest)
        } else {
            self.rest
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

    /// Looks for something new behind the tick `known`: makes a tick, or falls asleep. `read`: with its body, for it
    /// would be published at once.
    pub(crate) async fn look(
        &mut self,
        client: &Client,
        known: i64,
        read: bool,
    ) -> Result<Option<Found>> {
        let mut found = database::next_tick(client, known, read).await?;
        self.state = match (self.state, &found) {
            (_, Some(_)) => State::Awake { restless: 0 },
            (State::Asleep { notified: false }, None) => self.state,
            (State::Asleep { notified: true }, None) => {
                // Somebody else has made the tick; others that commit count on us being awake.
                database::wake(client).await?;
                State::Awake { restless: 0 }
            }
            (State::Awake { restless }, None) => {
                let (dozing, late) = tokio::join!(
                    database::doze(client),
                    database::next_tick(client, known, read)
                );
                found = late?;
                match (dozing?, &found) {
                    (_, Some(_)) => State::Awake { restless: 0 },
                    (true, None) => State::Asleep { notified: false },
                    (false, None) => State::Awake {
                        restless: restless.saturating_add(1),
                    },
                }
            }
        };
        let now = Instant::now();
        self.looked_at = Some(now);
        if found.is_some() {
            self.found_at = Some(now);
            self.rest = Duration::ZERO;
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn ticker() -> Ticker {
        Ticker::paced((10 * MS, 50 * MS), 1_000 * MS, 16)
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
    fn a_tick_with_many_changes_gives_the_next_one_time_to_fill() {
        let now = Instant::now();
        let mut ticker = ticker();
        ticker.found_at = Some(now);
        ticker.looked_at = Some(now);
        ticker.carried(2);
        assert_eq!(ticker.due(now, 0, true), now + MS);
        assert_eq!(ticker.due(now, 1, true), now + 10 * MS);
        ticker.carried(60);
        ticker.carried(1);
        assert_eq!(ticker.due(now, 0, true), now + 30 * MS);
        ticker.carried(100_000);
        assert_eq!(ticker.due(now, 1, true), now + 50 * MS);
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
