//! What the outbox loop listens for beside its own work: commands from the inbox side.
//!
//! Invariant: nothing here is needed for correctness; a lost command is asked for again by its sender.

use crate::message::Control;

/// What other tasks ask of the publishing task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// Publish a control message to a routing key. Dropped while the broker is away.
    Say { key: String, control: Control },
    /// Send ticks from this one on again to one branch (head only).
    ResendTo {
        branch: String,
        from: i64,
        /// The branch has just connected: its wish replaces whatever was under way.
        fresh: bool,
    },
    /// Something may be wanted of our tables (head only).
    Read,
    /// Send ticks from this one on again (branch only: the head asked).
    Rewind { from: i64 },
}
