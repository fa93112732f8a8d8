//! One lane: the ticks of one origin, applied one after another.
//!
//! Invariant: one task per origin, so its order holds; a lane that waits, retries or is halted holds up
//! no other. It does not wait for what it applied to reach the disk: that, and what follows from it, is
//! [`super::settle`]'s.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::apply::{Applier, At, NEWER_VERSION, Witness};
use super::consume::Received;
use super::control::Event;
use super::gap::Gap;
use super::position::Positions;
use super::reading;
use super::settle::{Done, Moved};
use super::until;
use crate::database::{Applied, Office, Part, ReadingMessage, Role};
use crate::message::{Control, KEY_HEAD};
use crate::outbox::listen::Command;
use crate::stats::Stats;
use lapin::Acker;

/// What comes down a lane.
#[derive(Debug)]
pub(crate) enum Step {
    Part(Box<Received>),
    /// A reading, which belongs behind the ticks that came before it.
    Reading(Box<ReadingMessage>, Acker),
    /// A control message, which means what it says only behind the ticks that came before it.
    Control(Event),
    /// Staged ticks may be ready to be applied.
    Staged,
    /// The broker connection is new.
    Reconnected,
}

/// What all lanes share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) office: Arc<Office>,
    pub(crate) applier: Applier,
    pub(crate) stats: Arc<Stats>,
    pub(crate) positions: Arc<Positions>,
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) events: mpsc::Sender<Event>,
    /// Told when what was applied is on disk: positions to report, rows to prune.
    pub(crate) moved: Arc<Notify>,
    /// Told when definitions of tables have changed, here or at a peer: `check()` may find other things.
    pub(crate) recheck: Arc<Notify>,
    pub(crate) stop: CancellationToken,
}

/// One origin's lane.
pub(crate) struct Lane {
    shared: Shared,
    /// What is applied goes on to be flushed and acknowledged.
    applied: mpsc::Sender<Done>,
    origin: String,
    gap: Gap,
    position: i64,
    told_held: bool,
    told_unknown: bool,
    /// Readings that came before their tick.
    early: reading::Early,
}

impl Lane {
    pub(crate) fn new(shared: Shared, applied: mpsc::Sender<Done>, origin: String) -> Self {
        Self {
            shared,
            applied,
            origin,
            gap: Gap::default(),
            position: 0,
            told_held: false,
            told_unknown: false,
            early: reading::Early::default(),
        }
    }

    /// Runs until told to stop or until nobody can send any more. The step in hand is finished.
    pub(crate) async fn run(mut self, mut steps: mpsc::Receiver<Step>) {
        let stop = self.shared.stop.clone();
        loop {
            let deadline = self.gap.deadline();
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                step = steps.recv() => match step {
                    Some(step) => {
                        if self.take(step).await.is_none() {
                            return;
                        }
                    }
                    None => return,
                },
                () = until(deadline) => self.ask_again().await,
            }
        }
    }

    /// `None`: told to stop in the middle.
    async fn take(&mut self, step: Step) -> Option<()> {
        match step {
            Step::Reconnected => {
                self.gap.reconnected();
                Some(())
            }
            Step::Staged => self.apply_staged().await,
            Step::Control(event) => {
                let sending = self.shared.events.send(event);
                self.shared.stop.run_until_cancelled(sending).await?.ok()
            }
            // From a connection that is gone: the broker delivers it again.
            Step::Part(received) if !received.acker.usable() => Some(()),
            Step::Part(received) => self.receive(*received).await,
            Step::Reading(_, acker) if !acker.usable() => Some(()),
            Step::Reading(message, acker) => {
                reading::receive(&self.shared, &mut self.early, *message, &acker).await
            }
        }
    }

    async fn receive(&mut self, received: Received) -> Option<()> {
        let Received { part, newer, acker } = received;
        if let Some(reason) = newer {
            let at = At {
                origin: &part.origin,
                tick: part.tick,
            };
            tracing::error!(
                origin = at.origin,
                tick = at.tick,
                reason,
                "upgrade this office; the lane is halted"
            );
            self.shared.applier.halt(at, NEWER_VERSION, &reason).await?;
        }
        let bytes = u64::try_from(part.body.len()).unwrap_or(0);
        let (applied, witness) = self.shared.applier.apply(&part).await?;
        let moved = (applied.outcome == "applied").then(|| Moved {
            incarnation: Some(part.incarnation.clone()),
            position: applied.seen.or(applied.position).unwrap_or(self.position),
        });
        self.settle(witness, Some(acker), moved).await?;
        self.shared.stats.bytes_received.inc_by(bytes);
        self.shared.stats.received(&applied.outcome);
        tracing::debug!(
            origin = part.origin,
            tick = part.tick,
            part = part.number,
            changes = applied.changes,
            bytes,
            outcome = applied.outcome,
            "received"
        );
        self.follow_up(&part, applied).await?;
        reading::take_early(&self.shared, &mut self.early, self.position).await
    }

    async fn follow_up(&mut self, part: &Part, applied: Applied) -> Option<()> {
        let now = Instant::now();
        let position = applied.position.unwrap_or(self.position);
        match applied.outcome.as_str() {
            "applied" => self.moved(now, part, position, &applied),
            "duplicate" => self.gap.moved(now, position.min(part.tick)),
            "staged" if part.last => {
                self.gap.moved(now, part.tick);
                return self.apply_staged().await;
            }
            "staged" => self.gap.moved(now, part.previous),
            "gap" => {
                self.position = position;
                if self.gap.found(now, position, part.tick) {
                    self.ask(position + 1).await;
                }
            }
            "held" => {
                self.gap.moved(now, part.previous);
                if !self.told_held {
                    self.told_held = true;
                    tracing::warn!(
                        origin = part.origin,
                        tick = part.tick,
                        hint = format!("SELECT officesync.retry('{}')", part.origin),
                        "the lane is halted; its ticks are stored and wait"
                    );
                }
            }
            "unknown" => {
                if !self.told_unknown {
                    self.told_unknown = true;
                    tracing::warn!(
                        origin = part.origin,
                        tick = part.tick,
                        "a tick of an office we do not know yet is dropped; it is sent again after hello"
                    );
                }
                // Full: the control task has a reason to say hello already.
                let _ = self.shared.events.try_send(Event::Unknown);
            }
            "quarantined" => tracing::error!(
                origin = part.origin,
                tick = part.tick,
                part = part.number,
                reason = applied.detail,
                "a message was put into officesync.quarantine"
            ),
            other => tracing::error!(
                origin = part.origin,
                tick = part.tick,
                outcome = other,
                "the extension gave an outcome this relay does not know"
            ),
        }
        Some(())
    }

    fn moved(&mut self, now: Instant, part: &Part, position: i64, applied: &Applied) {
        self.position = position;
        self.told_held = false;
        self.told_unknown = false;
        self.gap.moved(now, position);
        let created = Some(part.created_us);
        self.shared.stats.applied(applied.changes, created);
    }

    /// `None`: nobody flushes any more.
    async fn settle(
        &self,
        witness: Witness,
        acker: Option<Acker>,
        moved: Option<Moved>,
    ) -> Option<()> {
        let done = Done {
            witness,
            acker,
            moved,
        };
        self.applied.send(done).await.ok()
    }

    async fn apply_staged(&mut self) -> Option<()> {
        loop {
            let (applied, witness) = self
                .shared
                .applier
                .apply_staged(&self.origin, self.position)
                .await?;
            // Something had to be committed before the rest.
            if applied.outcome == "again" {
                continue;
            }
            if applied.outcome != "applied" {
                return Some(());
            }
            self.position = applied.position.unwrap_or(self.position);
            self.told_held = false;
            self.gap.moved(Instant::now(), self.position);
            self.shared.stats.applied(applied.changes, None);
            let moved = Moved {
                incarnation: None,
                position: applied.seen.unwrap_or(self.position),
            };
            self.settle(witness, None, Some(moved)).await?;
            reading::take_early(&self.shared, &mut self.early, self.position).await?;
        }
    }

    async fn ask_again(&mut self) {
        if self.gap.silent(Instant::now()) {
            // A branch that was away too long goes on where the head's welcome says, not where it stood.
            match self.shared.applier.position_of(&self.origin).await {
                Ok(position) => self.position = position.unwrap_or(self.position),
                Err(error) => tracing::debug!(%error, "where we stand could not be read"),
            }
            self.gap.moved(Instant::now(), self.position);
            if self.gap.is_open() {
                self.ask(self.position + 1).await;
            }
        }
    }

    /// Asks the origin for what is missing.
    async fn ask(&self, from: i64) {
        tracing::info!(
            origin = self.origin,
            from,
            "ticks are missing; asking for them again"
        );
        let key = match self.shared.office.role {
            Role::Head => self.origin.clone(),
            Role::Branch => KEY_HEAD.to_owned(),
        };
        let command = Command::Say {
            key,
            control: Control::Resend { from },
        };
        let sending = self.shared.commands.send(command);
        self.shared.stop.run_until_cancelled(sending).await;
    }
}
