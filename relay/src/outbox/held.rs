//! Branches to which an operator has paused sending, while the others are sent everything (head only).
//!
//! Invariant: no tick and no reading is begun for them. What they are not sent stays in the outbox, because they do
//! not acknowledge it; when one goes on it is sent again from the first tick that it may lack, as to any branch that
//! asks. Control messages go out: they are small, and what the branch sends needs its answers.

use std::collections::BTreeMap;

use super::Outbox;

/// Those branches, each with the first tick that it may lack.
#[derive(Debug, Default)]
pub(super) struct Held(BTreeMap<String, i64>);

/// What is different from before.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    paused: Vec<String>,
    /// Each with the first tick that it may lack.
    resumed: Vec<(String, i64)>,
}

impl Held {
    pub(super) fn is_any(&self) -> bool {
        !self.0.is_empty()
    }

    pub(super) fn contains(&self, branch: &str) -> bool {
        self.0.contains_key(branch)
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// A branch asks for ticks from `from` on; whether it is held, and has to wait for them.
    pub(super) fn lacks(&mut self, branch: &str, from: i64) -> bool {
        let first = self.0.get_mut(branch);
        first.map(|first| *first = from.min(*first)).is_some()
    }

    /// Takes over which branches are held now, each with the last tick that it has been sent for certain.
    pub(super) fn follow(&mut self, now: &BTreeMap<String, i64>) -> Change {
        let gone = self.0.extract_if(.., |branch, _| !now.contains_key(branch));
        let mut change = Change {
            resumed: gone.collect(),
            paused: Vec::new(),
        };
        for (branch, sent) in now {
            // One that was resumed and paused again unseen lacks what it did before.
            if !self.lacks(branch, sent + 1) {
                self.0.insert(branch.clone(), sent + 1);
                change.paused.push(branch.clone());
            }
        }
        change
    }
}

impl Outbox {
    /// Looks at the gate: which branches are sent nothing from now on, and which go on.
    pub(super) fn follow_held(&mut self) {
        let change = self.held.follow(&self.around.gate.borrow().held);
        for branch in &change.paused {
            tracing::info!(
                branch,
                "sending to the branch is paused; what is for it waits"
            );
            self.readings.give_up_for(branch);
        }
        if change.resumed.is_empty() {
            return;
        }
        for (branch, from) in change.resumed {
            tracing::info!(branch, from, "sending to the branch goes on");
            // The tick under way may leave without it.
            let begun = match &self.underway {
                Some(underway) => self.stream.after.max(underway.tick.number),
                None => self.stream.after,
            };
            if from <= begun {
                self.resends.ask(&branch, from, false);
            }
        }
        self.everybody_rests = None;
        self.readings.look_soon();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(branches: &[(&str, i64)]) -> BTreeMap<String, i64> {
        let own = |(name, tick): &(&str, i64)| ((*name).to_owned(), *tick);
        branches.iter().map(own).collect()
    }

    #[test]
    fn who_goes_on_gets_all_from_the_first_tick_it_may_lack() {
        let mut held = Held::default();
        let change = held.follow(&at(&[("b1", 4), ("b2", 7)]));
        assert_eq!(change.paused, ["b1", "b2"]);
        assert_eq!(held.follow(&at(&[("b1", 4), ("b2", 7)])), Change::default());
        // Resumed and paused again between two looks; and its queue was lost.
        assert_eq!(held.follow(&at(&[("b1", 9), ("b2", 7)])), Change::default());
        assert!(held.lacks("b2", 3) && !held.lacks("b3", 1));
        let change = held.follow(&at(&[("b1", 9)]));
        assert_eq!(change.resumed, [("b2".to_owned(), 3)]);
        assert!(held.contains("b1") && !held.contains("b2"));
        let change = held.follow(&at(&[]));
        assert_eq!(change.resumed, [("b1".to_owned(), 5)]);
        assert!(!held.is_any());
    }
}
