//! What travels: a branch's ticks upwards, the head's log downwards.

use crate::story::table::{Op, Row};

/// An office; 0 is the head.
pub(crate) type Office = usize;

pub(crate) const NAMES: [&str; 5] = ["head", "ant", "bee", "cat", "dog"];

/// Who wrote something, and when by their own clock.
pub(crate) type Author = (Office, i64);

/// A change in a branch's log.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) op: Op,
    /// What travels on no wire: the head's tick that the branch had really seen of each key it touched.
    pub(crate) seen: Vec<(i64, u64)>,
    /// The same of all other keys, for a TRUNCATE.
    pub(crate) seen_else: u64,
}

impl Sent {
    pub(crate) fn seen(&self, key: i64) -> u64 {
        let seen = self.seen.iter().find(|seen| seen.0 == key);
        seen.map_or(self.seen_else, |seen| seen.1)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Transaction {
    pub(crate) time: i64,
    pub(crate) changes: Vec<Sent>,
}

/// A tick of a branch.
#[derive(Debug, Clone)]
pub(crate) struct Tick {
    pub(crate) number: u64,
    /// What the branch has acknowledged of the head's log.
    pub(crate) acknowledged: u64,
    pub(crate) transactions: Vec<Transaction>,
}

#[derive(Debug, Clone)]
pub(crate) enum Upward {
    Tick(Tick),
    /// "I have seen this much", by itself.
    Position(u64),
}

/// A change in the head's log: how a key stands after it.
#[derive(Debug, Clone)]
pub(crate) enum Stood {
    Put {
        key: i64,
        row: Row,
        /// The columns that this line changed *at the head*; None: the row is new under this key.
        changed: Option<Vec<usize>>,
    },
    Gone {
        key: i64,
        /// Whether the head had the row before.
        removed: bool,
    },
    Truncate {
        /// What travels on no wire: the keys that had rows.
        removed: Vec<i64>,
    },
}

/// A transaction in the head's log.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) author: Author,
    /// The branch's tick that it came with.
    pub(crate) origin_tick: Option<u64>,
    pub(crate) merged: bool,
    pub(crate) changes: Vec<Stood>,
}
