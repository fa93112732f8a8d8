//! Acknowledging a message, which is the last step of its journey.
//!
//! Invariant: called only after the call that stored or applied the message has returned, which is
//! after its COMMIT. A lost acknowledgement costs a redelivery, which the extension knows as a duplicate.

use std::time::Duration;

use lapin::Acker;
use lapin::options::BasicAckOptions;

/// How often a slow acknowledgement looks whether its connection is still there.
const LOOK: Duration = Duration::from_millis(500);
/// After so many looks it counts as lost.
const LOOKS: usize = 60;

/// Acknowledges one message. Comes back also when the connection breaks underneath: lapin then may never
/// answer, and a lane that waited for it would hold up every other.
pub(crate) async fn acknowledge(acker: &Acker) {
    crate::faults::apply_ack();
    let mut sending = std::pin::pin!(acker.ack(BasicAckOptions::default()));
    for _ in 0..LOOKS {
        match tokio::time::timeout(LOOK, &mut sending).await {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => {
                tracing::debug!(%error, "an acknowledgement was lost; the message comes again");
                return;
            }
            Err(_) if acker.usable() => {}
            Err(_) => break,
        }
    }
    tracing::debug!("an acknowledgement was lost with its connection; the message comes again");
}
