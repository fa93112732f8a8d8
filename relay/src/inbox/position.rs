//! How far this branch has applied the head's log, in memory, for the headers of its own ticks.
//!
//! Invariant: the database is the truth; this only ever says what is on its disk, because the head forgets
//! what it is told was applied.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A position in the head's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) incarnation: String,
    pub(crate) tick: i64,
}

/// The position and how much of it the head has been told.
#[derive(Debug, Default)]
pub(crate) struct Positions(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    applied: Option<Position>,
    reported: Option<Position>,
}

impl Positions {
    /// A tick of the head was applied here and flushed, or the head has welcomed us.
    pub(crate) fn set(&self, incarnation: &str, tick: i64) {
        self.lock().applied = Some(Position {
            incarnation: incarnation.to_owned(),
            tick,
        });
    }

    /// A later tick of the same head was applied here and flushed.
    pub(crate) fn advance(&self, tick: i64) {
        if let Some(applied) = &mut self.lock().applied {
            applied.tick = applied.tick.max(tick);
        }
    }

    /// The position, to be told to the head now.
    pub(crate) fn report(&self) -> Option<Position> {
        let mut inner = self.lock();
        let applied = inner.applied.clone();
        inner.reported.clone_from(&applied);
        applied
    }

    /// Whether the head has been told less than there is to tell.
    pub(crate) fn unreported(&self) -> bool {
        let inner = self.lock();
        inner.applied != inner.reported
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
