//! Sending ticks again to one branch that asked for them (head only).
//!
//! Invariant: a branch sees a contiguous sequence: what is sent again runs up to the last tick that was
//! published to everybody, with no new tick for everybody in between. What the broker has not confirmed
//! is sent once more after a broken connection.

use std::collections::BTreeMap;

use super::held::Held;

/// One branch being caught up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Again {
    /// Where the branch asked to begin.
    start: i64,
    /// The next tick to send.
    next: i64,
    /// Every tick before this one is confirmed.
    unconfirmed: i64,
    /// Set once everything up to the last published tick was sent: the branch follows the ticks for
    /// everybody from here, only confirms are still awaited.
    until: Option<i64>,
}

/// The branches being caught up.
#[derive(Debug, Default)]
pub(crate) struct Resends(BTreeMap<String, Again>);

impl Resends {
    /// A branch asks for ticks from `from` on. While it is being caught up only an older wish counts;
    /// `fresh` (it has just connected, its queue may be a new one) always does.
    pub(crate) fn ask(&mut self, branch: &str, from: i64, fresh: bool) {
        let again = Again {
            start: from,
            next: from,
            unconfirmed: from,
            until: None,
        };
        match self.0.get_mut(branch) {
            Some(current) if !fresh && from >= current.start && current.until.is_none() => {}
            Some(current) => *current = again,
            None => {
                self.0.insert(branch.to_owned(), again);
            }
        }
    }

    /// The next branch and tick to send, if anyone that is not held lacks something up to `published`. Branches
    /// take turns: the one that lags most goes first.
    pub(super) fn next(&self, published: i64, held: &Held) -> Option<(String, i64)> {
        self.0
            .iter()
            .filter(|(_, again)| again.until.is_none() && again.next <= published)
            .filter(|(branch, _)| !held.contains(branch))
            .min_by_key(|(_, again)| again.next)
            .map(|(branch, again)| (branch.clone(), again.next))
    }

    /// A whole tick was handed to the broker for this branch; `published` is the last one that went to
    /// everybody.
    pub(crate) fn sent(&mut self, branch: &str, tick: i64, published: i64) {
        if let Some(again) = self.0.get_mut(branch).filter(|again| again.next == tick) {
            again.next = tick + 1;
            again.until = (again.next > published).then_some(published);
        }
    }

    /// The broker confirmed a whole tick for this branch. Caught up: the branch is forgotten.
    pub(crate) fn confirmed(&mut self, branch: &str, tick: i64) {
        let Some(again) = self.0.get_mut(branch) else {
            return;
        };
        // A confirm from before the cursor was moved back says nothing about the new round.
        if tick == again.unconfirmed {
            again.unconfirmed = tick + 1;
        }
        if again.until.is_some_and(|until| again.unconfirmed > until) {
            self.0.remove(branch);
        }
    }

    /// The connection broke: whatever was not confirmed goes out again.
    pub(crate) fn rewind(&mut self) {
        for again in self.0.values_mut() {
            again.next = again.unconfirmed;
            again.until = None;
        }
    }

    /// Stops catching a branch up: its queue is gone, or what it lacks is.
    pub(crate) fn stop(&mut self, branch: &str) {
        self.0.remove(branch);
    }

    /// The branches that lack ticks which everybody else has been sent.
    pub(crate) fn behind(&self) -> Vec<String> {
        let behind = self.0.iter().filter(|(_, again)| again.until.is_none());
        behind.map(|(branch, _)| branch.clone()).collect()
    }

    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_up_to_the_last_published_tick_and_ends_when_confirmed() {
        let mut resends = Resends::default();
        resends.ask("b1", 3, false);
        for tick in 3..=5 {
            assert_eq!(resends.next(5, &Held::default()), Some(("b1".into(), tick)));
            resends.sent("b1", tick, 5);
        }
        // Tick 6 went to everybody, so also to this branch: it is not sent again.
        assert_eq!(resends.next(6, &Held::default()), None);
        resends.confirmed("b1", 3);
        resends.confirmed("b1", 4);
        assert!(!resends.is_empty());
        resends.confirmed("b1", 5);
        assert!(resends.is_empty());
    }

    #[test]
    fn only_an_older_wish_moves_the_cursor() {
        let mut resends = Resends::default();
        resends.ask("b1", 10, false);
        resends.sent("b1", 10, 99);
        resends.ask("b1", 10, false);
        resends.ask("b1", 12, false);
        assert_eq!(resends.next(99, &Held::default()), Some(("b1".into(), 11)));
        resends.ask("b1", 4, false);
        assert_eq!(resends.next(99, &Held::default()), Some(("b1".into(), 4)));
        resends.ask("b1", 7, true);
        assert_eq!(resends.next(99, &Held::default()), Some(("b1".into(), 7)));
    }

    #[test]
    fn a_broken_connection_repeats_what_was_not_confirmed() {
        let mut resends = Resends::default();
        resends.ask("b1", 1, false);
        resends.sent("b1", 1, 9);
        resends.sent("b1", 2, 9);
        resends.confirmed("b1", 1);
        resends.rewind();
        assert_eq!(resends.next(9, &Held::default()), Some(("b1".into(), 2)));
    }

    #[test]
    fn a_stale_confirm_does_not_end_a_new_round() {
        let mut resends = Resends::default();
        resends.ask("b1", 5, false);
        resends.sent("b1", 5, 5);
        resends.ask("b1", 2, true);
        resends.confirmed("b1", 5);
        assert_eq!(resends.next(5, &Held::default()), Some(("b1".into(), 2)));
    }

    #[test]
    fn who_is_held_gets_its_turn_when_it_goes_on() {
        let mut resends = Resends::default();
        resends.ask("b1", 2, false);
        resends.ask("b2", 5, false);
        let mut held = Held::default();
        held.follow(&[("b1".to_owned(), 1)].into());
        assert_eq!(resends.next(9, &held), Some(("b2".into(), 5)));
        held.follow(&BTreeMap::new());
        assert_eq!(resends.next(9, &held), Some(("b1".into(), 2)));
    }

    #[test]
    fn the_one_that_lags_most_goes_first() {
        let mut resends = Resends::default();
        resends.ask("b1", 8, false);
        resends.ask("b2", 3, false);
        assert_eq!(resends.next(9, &Held::default()), Some(("b2".into(), 3)));
    }
}
