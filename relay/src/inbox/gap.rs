//! When to ask for missing ticks.
//!
//! Invariant: a gap is asked about once, and again only when there is reason to believe that the answer
//! is not on its way: silence, five minutes without progress, a new connection, or a position that no tick
//! has brought us to. A lane with a gap
//! drops what does not fit, so the asking must not multiply the traffic.

use std::time::{Duration, Instant};

const SILENCE: Duration = Duration::from_secs(10);
const NO_PROGRESS: Duration = Duration::from_secs(300);

#[derive(Debug, Clone, Copy)]
struct Asked {
    at: Instant,
    /// Where we stood when we asked, and where ticks have brought us since.
    position: i64,
    /// The highest tick seen that did not fit: the gap is closed when we get there.
    seen: i64,
}

/// The open gap of one lane, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Gap {
    asked: Option<Asked>,
    last_message: Option<Instant>,
}

impl Gap {
    /// A tick did not fit behind `position`. Whether to ask now.
    pub(crate) fn found(&mut self, now: Instant, position: i64, tick: i64) -> bool {
        let silent = self.deadline().is_some_and(|deadline| deadline <= now);
        self.last_message = Some(now);
        let ask = match &self.asked {
            None => true,
            Some(asked) => {
                silent
                    || position > asked.position
                    || (asked.position == position && now.duration_since(asked.at) >= NO_PROGRESS)
            }
        };
        let seen = self.asked.map_or(tick, |asked| asked.seen.max(tick));
        self.asked = match self.asked {
            Some(asked) if !ask => Some(Asked { seen, ..asked }),
            _ => Some(Asked {
                at: now,
                position,
                seen,
            }),
        };
        ask
    }

    /// A tick fitted; we stand at `position` now.
    pub(crate) fn moved(&mut self, now: Instant, position: i64) {
        self.last_message = Some(now);
        match &mut self.asked {
            Some(asked) if position >= asked.seen => self.asked = None,
            Some(asked) if position > asked.position => {
                asked.position = position;
                asked.at = now;
            }
            _ => {}
        }
    }

    /// The broker connection is new: whatever was asked may be lost.
    pub(crate) fn reconnected(&mut self) {
        self.asked = None;
    }

    pub(crate) fn is_open(&self) -> bool {
        self.asked.is_some()
    }

    /// When to look whether nothing has come for too long; `None` without a gap.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let asked = self.asked?;
        let last = self.last_message.unwrap_or(asked.at);
        Some(last.max(asked.at) + SILENCE)
    }

    /// The deadline has passed. Whether to ask again.
    pub(crate) fn silent(&mut self, now: Instant) -> bool {
        let due = self.deadline().is_some_and(|deadline| deadline <= now);
        if due && let Some(asked) = &mut self.asked {
            asked.at = now;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_of_gaps_asks_once() {
        let mut gap = Gap::default();
        let now = Instant::now();
        assert!(gap.found(now, 4, 10));
        for tick in 11..500 {
            assert!(!gap.found(now + Duration::from_millis(1), 4, tick));
        }
    }

    #[test]
    fn silence_asks_again() {
        let mut gap = Gap::default();
        let now = Instant::now();
        gap.found(now, 4, 10);
        assert_eq!(gap.deadline(), Some(now + SILENCE));
        assert!(!gap.silent(now + SILENCE / 2));
        assert!(gap.silent(now + SILENCE));
        assert!(!gap.silent(now + SILENCE));
        assert!(gap.found(now + 2 * SILENCE, 4, 12));
    }

    #[test]
    fn a_position_that_no_tick_brought_asks_again() {
        let mut gap = Gap::default();
        let now = Instant::now();
        assert!(gap.found(now, 4, 10));
        gap.moved(now, 5);
        assert!(!gap.found(now, 5, 11), "the answer is on its way");
        assert!(gap.found(now, 8, 12), "we go on elsewhere");
        assert!(!gap.found(now, 8, 13));
    }

    #[test]
    fn five_minutes_without_progress_ask_again() {
        let mut gap = Gap::default();
        let start = Instant::now();
        gap.found(start, 4, 10);
        let mut now = start;
        while now < start + NO_PROGRESS - Duration::from_secs(5) {
            now += Duration::from_secs(5);
            assert!(!gap.found(now, 4, 11), "{:?}", now - start);
        }
        assert!(gap.found(now + Duration::from_secs(5), 4, 12));
    }

    #[test]
    fn progress_closes_the_gap_at_the_highest_tick_seen() {
        let mut gap = Gap::default();
        let now = Instant::now();
        gap.found(now, 4, 10);
        gap.found(now, 4, 12);
        for position in 5..12 {
            gap.moved(now, position);
            assert!(gap.deadline().is_some());
        }
        gap.moved(now, 12);
        assert_eq!(gap.deadline(), None);
        assert!(gap.found(now, 12, 14));
    }

    #[test]
    fn a_new_connection_asks_again() {
        let mut gap = Gap::default();
        let now = Instant::now();
        gap.found(now, 4, 10);
        gap.reconnected();
        assert!(gap.found(now, 4, 11));
    }
}
