//! Acknowledging a message, which is the last step of its journey.
//!
//! Invariant: called only after the call that stored or applied the message has returned, which is
//! after its COMMIT. A lost acknowledgement costs a redelivery, which the extension knows as a duplicate.

use lapin::Acker;
use lapin::options::BasicAckOptions;

/// Acknowledges one message.
pub(crate) async fn acknowledge(acker: &Acker) {
    crate::faults::apply_ack();
    if let Err(error) = acker.ack(BasicAckOptions::default()).await {
        tracing::debug!(%error, "an acknowledgement was lost; the message comes again");
    }
}
