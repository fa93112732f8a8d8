//! What follows once something is applied: a flush, then the acknowledgement and the position.
//!
//! Invariant: nothing that lets another office forget a tick is said or done before that tick is on this
//! office's disk. So the lanes never wait for the disk, and one flush serves all that was applied meanwhile.
//!
//! Where the witness of an apply is gone, nobody knows whether the server has crashed and taken it back.
//! Then nothing is said, and the broker delivers all that is not acknowledged again; what was kept is
//! known as a duplicate, and flushed like anything else. A lost acknowledgement costs the same.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use lapin::Acker;
use lapin::options::BasicAckOptions;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use super::apply::Witness;
use super::lane::Shared;
use crate::backoff::Backoff;
use crate::database::Role;

/// So many parts share one flush at most, and so many may wait for it.
const GROUP: usize = 256;
/// How often a slow acknowledgement looks whether its connection is still there.
const LOOK: Duration = Duration::from_millis(500);
/// After so many looks it counts as lost.
const LOOKS: usize = 60;

/// Something was committed, and may not be on disk yet.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) witness: Witness,
    /// Of the message it came with; none when it came from the inbox table.
    pub(crate) acker: Option<Acker>,
    /// Where the origin's log stands now, when this moved it.
    pub(crate) moved: Option<Moved>,
}

/// A new position in an origin's log.
#[derive(Debug)]
pub(crate) struct Moved {
    /// None: the one known already.
    pub(crate) incarnation: Option<String>,
    /// What the origin may be told of it.
    pub(crate) position: i64,
}

impl Done {
    /// Whether it still matters what became of it: its message has not been given back to the broker.
    fn matters(&self) -> bool {
        self.acker.as_ref().is_none_or(Acker::usable)
    }
}

/// The task that flushes for all lanes.
pub(crate) struct Settler {
    shared: Shared,
    doubt: Arc<Notify>,
}

impl Settler {
    /// Starts it. It ends when nobody can send any more and all that was sent is settled.
    pub(crate) fn start(
        shared: Shared,
        doubt: Arc<Notify>,
    ) -> (mpsc::Sender<Done>, JoinHandle<()>) {
        let (sender, done) = mpsc::channel(GROUP);
        let settler = Self { shared, doubt };
        (sender, tokio::spawn(settler.run(done)))
    }

    async fn run(self, mut done: mpsc::Receiver<Done>) {
        let mut group = Vec::with_capacity(GROUP);
        while done.recv_many(&mut group, GROUP).await > 0 {
            for group in group.chunk_by(|left, right| left.witness.is(&right.witness)) {
                crate::faults::apply_flush();
                if self.flush(&group[0].witness).await {
                    self.tell(group).await;
                } else if group.iter().any(Done::matters) {
                    self.doubt().await;
                }
            }
            group.clear();
        }
    }

    /// False: nobody can tell whether it is on disk.
    async fn flush(&self, witness: &Witness) -> bool {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
        loop {
            let Err(error) = witness.flush().await else {
                return true;
            };
            if witness.is_gone() {
                return false;
            }
            tracing::warn!(%error, "what was applied could not be flushed; trying again");
            let rest = tokio::time::sleep(backoff.next_delay());
            if self.shared.stop.run_until_cancelled(rest).await.is_none() {
                return false;
            }
        }
    }

    async fn tell(&self, group: &[Done]) {
        let mut moved = false;
        for at in group.iter().filter_map(|done| done.moved.as_ref()) {
            moved = true;
            // The head has many origins, and tells none of them: its own log shows what it has applied.
            if self.shared.office.role == Role::Branch {
                match &at.incarnation {
                    Some(incarnation) => self.shared.positions.set(incarnation, at.position),
                    None => self.shared.positions.advance(at.position),
                }
            }
        }
        if moved {
            self.shared.moved.notify_one();
        }
        let ackers = group.iter().filter_map(|done| done.acker.as_ref());
        join_all(ackers.map(acknowledge)).await;
    }

    async fn doubt(&self) {
        // A duplicate moves no position, so where we stand is read anew.
        if let Err(error) = super::load_positions(&self.shared).await {
            tracing::debug!(%error, "the positions could not be read");
        }
        self.doubt.notify_one();
    }
}

/// Acknowledges one message. Comes back also when the connection breaks underneath: lapin then may never
/// answer, and whoever waited for it would wait for ever.
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
