//! The inbox side: consume, apply, settle. One task owns the consumer and the lanes.
//!
//! Invariant: a message is acknowledged after what became of it is on the database's disk, never before,
//! and nothing is ever requeued by hand.

pub(crate) mod apply;
pub(crate) mod consume;
pub(crate) mod control;
mod gap;
pub(crate) mod lane;
pub(crate) mod position;
mod reading;
mod settle;
mod tables;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use self::consume::{Incoming, remains, sort};
use self::control::Event;
use self::lane::{Lane, Shared, Step};
use self::settle::{Done, Settler, acknowledge};
use crate::backoff::Backoff;
use crate::broker::connect::attempt;
use crate::broker::consumer::Consumer;
use crate::config::Config;
use crate::database::{self, Client};
use crate::error::{Error, Result};
use crate::gate::{Gate, closed_to_receive, open_to_receive};
use crate::lead::Wakers;

/// How often staged ticks are looked for even if nobody says so.
const STAGED_EVERY: Duration = Duration::from_secs(5);
/// More origins than this share one lane: a hostile sender must not cost us a task for each name.
const MAX_LANES: usize = 1_000;

/// The consumer, its lanes and what they share.
pub(crate) struct Inbox {
    config: Arc<Config>,
    shared: Shared,
    wakers: Arc<Wakers>,
    lanes: HashMap<String, mpsc::Sender<Step>>,
    tasks: TaskTracker,
    /// Where the lanes' work goes to be flushed and acknowledged; `None` when all is over.
    applied: Option<mpsc::Sender<Done>>,
    settler: Option<JoinHandle<()>>,
    /// Whether messages may be fetched now.
    gate: Gate,
    /// Told when nobody knows whether what was applied is kept: it has to be delivered again.
    doubt: Arc<Notify>,
}

impl Inbox {
    pub(crate) fn new(
        config: Arc<Config>,
        shared: Shared,
        wakers: Arc<Wakers>,
        gate: Gate,
    ) -> Self {
        let doubt = Arc::new(Notify::new());
        let (applied, settler) = Settler::start(shared.clone(), Arc::clone(&doubt));
        Self {
            config,
            shared,
            wakers,
            lanes: HashMap::new(),
            tasks: TaskTracker::new(),
            applied: Some(applied),
            settler: Some(settler),
            gate,
            doubt,
        }
    }

    /// Consumes for ever, over however many connections, until told to stop.
    pub(crate) async fn run(mut self) -> Result<()> {
        let stop = self.shared.stop.clone();
        let mut backoff = Backoff::new(Duration::from_millis(200), self.config.reconnect_max);
        let mut told = false;
        let mut queue_lost = false;
        while !stop.is_cancelled() {
            if !self.gate.borrow().receive {
                let opening = open_to_receive(self.gate.clone());
                if self.meanwhile(opening).await.is_none() {
                    break;
                }
            }
            let error = match self.connect().await {
                None => break,
                Some(Ok(consumer)) => {
                    backoff.reset();
                    told = false;
                    tracing::info!(
                        office = self.shared.office.name,
                        "consuming from the broker"
                    );
                    self.shared.stats.connected("consuming");
                    self.shared.stats.set_consuming(true);
                    if std::mem::take(&mut queue_lost) {
                        let telling = self.shared.events.send(Event::QueueLost);
                        stop.run_until_cancelled(telling).await;
                    }
                    let ended = self.consume(consumer).await;
                    self.shared.stats.set_consuming(false);
                    match ended {
                        Ok(()) if stop.is_cancelled() => break,
                        // The gate has closed.
                        Ok(()) => continue,
                        Err(error) => {
                            queue_lost = matches!(error, Error::Topology { .. });
                            error
                        }
                    }
                }
                Some(Err(error)) => error,
            };
            self.shared.stats.failed(&error);
            if !told {
                told = true;
                tracing::warn!(%error, advice = error.kind().advice(), "consuming is interrupted; trying again");
            }
            self.meanwhile(tokio::time::sleep(backoff.next_delay()))
                .await;
        }
        self.finish().await;
        Ok(())
    }

    /// The lanes finish what they have in hand, and then it is flushed and acknowledged.
    async fn finish(&mut self) {
        self.lanes.clear();
        self.tasks.close();
        self.tasks.wait().await;
        self.applied = None;
        if let Some(settler) = self.settler.take() {
            // Whether it finished or failed: what is not acknowledged is delivered again.
            let _ = settler.await;
        }
    }

    async fn connect(&mut self) -> Option<Result<Consumer>> {
        let (config, office) = (Arc::clone(&self.config), Arc::clone(&self.shared.office));
        self.meanwhile(async move { attempt(Consumer::connect(&config, &office)).await })
            .await
    }

    /// Waits for something while staged ticks are still looked after. `None`: told to stop.
    async fn meanwhile<T>(&mut self, something: impl Future<Output = T>) -> Option<T> {
        let stop = self.shared.stop.clone();
        let wakers = Arc::clone(&self.wakers);
        let mut something = std::pin::pin!(something);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return None,
                done = &mut something => return Some(done),
                () = wakers.lanes.notified() => self.look_for_staged().await,
            }
        }
    }

    /// Consumes over one connection. `Ok` when told to stop: then the lanes have finished; or when nothing may be
    /// fetched any more: what is in hand and not acknowledged is delivered again.
    async fn consume(&mut self, mut consumer: Consumer) -> Result<()> {
        let stop = self.shared.stop.clone();
        let (wakers, doubt) = (Arc::clone(&self.wakers), Arc::clone(&self.doubt));
        let mut gate = self.gate.clone();
        let mut staged = tokio::time::interval(STAGED_EVERY);
        staged.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.tell_lanes().await;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = wakers.lanes.notified() => self.look_for_staged().await,
                _ = staged.tick() => self.look_for_staged().await,
                () = doubt.notified() => {
                    consumer.close().await;
                    return Err(Error::Unflushed);
                }
                () = closed_to_receive(&mut gate) => {
                    consumer.cancel().await;
                    consumer.close().await;
                    return Ok(());
                }
                delivery = consumer.next() => {
                    let incoming = sort(delivery?);
                    if self.route(incoming).await.is_none() {
                        break;
                    }
                }
            }
        }
        consumer.cancel().await;
        self.finish().await;
        consumer.close().await;
        Ok(())
    }

    async fn tell_lanes(&self) {
        for lane in self.lanes.values() {
            let sending = lane.send(Step::Reconnected);
            self.shared.stop.run_until_cancelled(sending).await;
        }
    }

    async fn look_for_staged(&mut self) {
        let found = match self.shared.applier.aside().await {
            Ok(client) => database::staged_lanes(&client).await,
            Err(error) => Err(error),
        };
        match found {
            Ok(origins) => {
                for origin in origins {
                    // A full lane looks for staged ticks by itself soon enough.
                    if let Some(lane) = self.lane(&origin) {
                        let _ = lane.try_send(Step::Staged);
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "staged ticks could not be looked for"),
        }
    }

    /// `None`: told to stop.
    async fn route(&mut self, incoming: Incoming) -> Option<()> {
        let stop = self.shared.stop.clone();
        match incoming {
            Incoming::Tick(received) if received.part.origin == self.shared.office.name => {
                tracing::warn!(
                    origin = received.part.origin,
                    tick = received.part.tick,
                    "a message that claims to come from this office is dropped"
                );
                acknowledge(&received.acker).await;
            }
            Incoming::Tick(received) => {
                let lane = self.lane(&received.part.origin.clone())?;
                let sent = stop
                    .run_until_cancelled(lane.send(Step::Part(received)))
                    .await?;
                if sent.is_err() {
                    tracing::error!("a lane has ended; its message comes again");
                    return None;
                }
            }
            Incoming::Reading(message, acker) => {
                if self.shared.office.role == database::Role::Head {
                    tracing::error!(
                        origin = message.sender.origin,
                        kind = message.kind,
                        "an office that is not the head has sent a reading; it goes to the quarantine"
                    );
                    let sender = message.sender;
                    let part = remains(Some(sender.origin), sender.broker_user, message.body);
                    self.quarantine(&part).await;
                    acknowledge(&acker).await;
                    return Some(());
                }
                let lane = self.lane(&message.sender.origin)?;
                stop.run_until_cancelled(lane.send(Step::Reading(message, acker)))
                    .await?
                    .ok()?;
            }
            Incoming::Control {
                sender,
                control,
                acker,
            } => {
                let lane = self.lane(&sender.origin)?;
                let event = Event::Message {
                    sender,
                    control,
                    acker,
                };
                stop.run_until_cancelled(lane.send(Step::Control(event)))
                    .await?
                    .ok()?;
            }
            Incoming::Packed {
                sender,
                body,
                acker,
            } => {
                let lane = self.lane(&sender.origin)?;
                let event = Event::Packed {
                    sender,
                    body,
                    acker,
                };
                stop.run_until_cancelled(lane.send(Step::Control(event)))
                    .await?
                    .ok()?;
            }
            Incoming::Malformed {
                part,
                reason,
                acker,
            } => {
                tracing::error!(
                    origin = part.origin,
                    bytes = part.body.len(),
                    reason,
                    "a message is malformed; it goes to the quarantine"
                );
                self.quarantine(&part).await;
                acknowledge(&acker).await;
            }
        }
        Some(())
    }

    /// The extension keeps what it can identify; the rest stands in the log only.
    async fn quarantine(&self, part: &database::Part) {
        let kept = match self.shared.applier.aside().await {
            Ok(client) => keep(&client, part).await,
            Err(error) => Err(error),
        };
        match kept {
            Ok(applied) => tracing::debug!(outcome = applied.outcome, "a malformed message"),
            Err(error) => tracing::warn!(%error, "a malformed message could not be quarantined"),
        }
    }

    /// The lane of an origin; made when it is needed. `None`: all is over.
    fn lane(&mut self, origin: &str) -> Option<mpsc::Sender<Step>> {
        const OVERFLOW: &str = "";
        let name = if self.lanes.len() < MAX_LANES || self.lanes.contains_key(origin) {
            origin
        } else {
            OVERFLOW
        };
        if let Some(lane) = self.lanes.get(name) {
            return Some(lane.clone());
        }
        // What one connection may have in hand, twice: after a reconnect the lane still holds what came
        // over the old one, and must not block the way of the others.
        let (sender, steps) = mpsc::channel(2 * usize::from(self.config.prefetch) + 2);
        let lane = Lane::new(self.shared.clone(), self.applied.clone()?, name.to_owned());
        self.tasks.spawn(lane.run(steps));
        self.lanes.insert(name.to_owned(), sender.clone());
        Some(sender)
    }
}

async fn keep(client: &Client, part: &database::Part) -> Result<database::Applied> {
    let applied = database::apply(client, part).await?;
    database::flush(client).await?;
    Ok(applied)
}

/// The positions as the database has them. A relay that died may have left some that are visible and not on
/// disk yet, so they are flushed before anybody is told.
pub(crate) async fn load_positions(shared: &Shared) -> Result<()> {
    let client = shared.applier.aside().await?;
    let positions = database::inbox_position(&client).await?;
    database::flush(&client).await?;
    if shared.office.role == database::Role::Branch {
        if positions.len() > 1 {
            return Err(Error::Unfit("a branch with more than one head".into()));
        }
        for position in positions {
            shared.positions.set(&position.incarnation, position.seen);
        }
    }
    Ok(())
}

/// Waits for a moment; without one, for ever.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
