//! What a branch left out of the head's log, and so has not seen, though its position is past it.

use super::pending::{Key, Pending};
use std::collections::BTreeMap;

/// The first line of the head's log that was left out for each key that is still pending.
///
/// The head needs these lines when the pending changes reach it: they say who wrote what the branch had not
/// seen. So the branch does not acknowledge them, though it has applied what comes after them.
#[derive(Debug, Clone, Default)]
pub struct LeftOut {
    first: BTreeMap<Key, u64>,
}

impl LeftOut {
    /// A change of a pending `key` was left out of the tick `position` of the head's log.
    pub fn add(&mut self, key: Key, position: u64) {
        self.first.entry(key).or_insert(position);
    }

    /// Forgets keys that are not pending any more: they stand as the head has them. To be called after each
    /// tick of the head.
    pub fn settle(&mut self, pending: &Pending) {
        self.first.retain(|&key, _| pending.contains(key));
    }

    /// The position to tell the head when `position` is the last tick applied: the last one all of which,
    /// and of all those before it, this office has seen. Never decreases.
    pub fn acknowledged(&self, position: u64) -> u64 {
        self.first
            .values()
            .min()
            .map_or(position, |&first| position.min(first.saturating_sub(1)))
    }

    /// Whether nothing is left out.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }
}
