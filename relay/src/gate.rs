//! Whether this office may use its link now: not while an operator has paused it, and not outside its window.
//!
//! Invariant: the gate closes nothing by itself; the outbox and the inbox finish what they have in hand, give up
//! their connections, and come back when it opens. Capture and the outbox table know nothing of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Pool;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config::window::Window;
use crate::database::{self, Paused};
use crate::error::Result;
use crate::lead::Wakers;

/// The guarantee; a notification only saves time.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// What may be done over the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) send: bool,
    pub(crate) receive: bool,
    /// At the head: the branches that alone are sent nothing, each with the last tick that it has been sent for certain.
    pub(crate) held: BTreeMap<String, i64>,
}

/// How the rest of the relay sees it.
pub(crate) type Gate = watch::Receiver<Open>;

/// Looks at the database and the clock.
pub(crate) struct Keeper {
    pool: Pool,
    /// None: at any time.
    window: Option<Window>,
    wakers: Arc<Wakers>,
    gate: watch::Sender<Open>,
}

impl Keeper {
    /// Looks once, so that nobody goes through a gate that is closed.
    pub(crate) async fn new(
        pool: Pool,
        window: Option<Window>,
        wakers: Arc<Wakers>,
    ) -> Result<(Self, Gate)> {
        let paused = database::paused(&*pool.get().await?).await?;
        let (gate, seen) = watch::channel(open(window.as_ref(), paused));
        let keeper = Self {
            pool,
            window,
            wakers,
            gate,
        };
        let first = seen.borrow().clone();
        keeper.tell(&first);
        Ok((keeper, seen))
    }

    /// Runs until told to stop.
    pub(crate) async fn run(self, stop: &CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.wakers.paused.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            match self.look().await {
                Ok(open) if open != *self.gate.borrow() => {
                    self.tell(&open);
                    self.gate.send_replace(open);
                }
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "whether the link is paused is not known"),
            }
        }
    }

    async fn look(&self) -> Result<Open> {
        let paused = database::paused(&*self.pool.get().await?).await?;
        Ok(open(self.window.as_ref(), paused))
    }

    fn tell(&self, open: &Open) {
        let before = self.gate.borrow();
        if !open.send || !open.receive {
            tracing::info!(
                sending = open.send,
                receiving = open.receive,
                "the link is paused, or this is not its time; changes wait"
            );
        } else if !before.send || !before.receive {
            tracing::info!("the link may be used again");
        }
    }
}

fn open(window: Option<&Window>, paused: Paused) -> Open {
    let now = window.is_none_or(|window| window.is_open(paused.second_of_day));
    Open {
        send: now && !paused.send,
        receive: now && !paused.receive,
        held: paused.branches,
    }
}

/// Returns when nothing may be fetched any more; never, when nobody tells.
pub(crate) async fn closed_to_receive(gate: &mut Gate) {
    if gate.wait_for(|open| !open.receive).await.is_err() {
        std::future::pending().await
    }
}

/// Returns when messages may be fetched; never, when nobody tells.
pub(crate) async fn open_to_receive(mut gate: Gate) {
    if gate.wait_for(|open| open.receive).await.is_err() {
        std::future::pending().await
    }
}
