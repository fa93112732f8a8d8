//! Control messages: hello and welcome, positions, resend requests, tables; and pruning.
//!
//! Invariant: everything said here is repeated until it has had its effect, so any of it may be lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lapin::Acker;
use tokio::sync::mpsc;

use super::lane::Shared;
use super::settle::acknowledge;
use super::tables::Tables;
use super::until;
use crate::database::{self, Role, Sender, Welcome};
use crate::error::{Error, Policy, Result};
use crate::message::{Control, Encoding, KEY_HEAD, Load, Outcome, WireRole};
use crate::outbox::listen::Command;

const HELLO_EVERY: Duration = Duration::from_secs(5);
/// A position that no tick of our own has carried for so long is reported by itself.
const REPORT_AFTER: Duration = Duration::from_millis(250);
/// A branch says hello so often even when all is well: a sign of life, and the answer tells what the
/// broker may have lost on a quiet lane.
const HEARTBEAT: Duration = Duration::from_secs(60);
const PRUNE_EVERY: Duration = Duration::from_secs(1);
/// Also when nothing has moved: what is kept for a branch that is silent may have become too much.
const PRUNE_AT_LEAST_EVERY: Duration = Duration::from_secs(10);

/// What the control task is told.
#[derive(Debug)]
pub(crate) enum Event {
    /// The publishing connection is new.
    Connected,
    /// Our queue was deleted, and is declared again: what was in it is lost.
    QueueLost,
    /// A tick came from an office we do not know.
    Unknown,
    /// A control message came.
    Message {
        sender: Sender,
        control: Control,
        acker: Acker,
    },
    /// A compressed control message came.
    Packed {
        sender: Sender,
        body: Vec<u8>,
        acker: Acker,
    },
}

/// The control task and its timers.
pub(crate) struct ControlTask {
    shared: Shared,
    events: mpsc::Receiver<Event>,
    welcomed: bool,
    /// When to say hello next (branch, until welcomed).
    hello_at: Option<Instant>,
    report_at: Option<Instant>,
    heartbeat_at: Option<Instant>,
    prune_at: Option<Instant>,
    pruned_at: Option<Instant>,
    tables: Tables,
}

impl ControlTask {
    pub(crate) fn new(shared: Shared, events: mpsc::Receiver<Event>) -> Self {
        Self {
            shared,
            events,
            welcomed: false,
            hello_at: None,
            report_at: None,
            heartbeat_at: None,
            prune_at: Some(Instant::now()),
            pruned_at: None,
            tables: Tables::default(),
        }
    }

    /// Runs until told to stop.
    pub(crate) async fn run(mut self) {
        let stop = self.shared.stop.clone();
        let moved = Arc::clone(&self.shared.moved);
        loop {
            let next = [
                self.hello_at,
                self.report_at,
                self.heartbeat_at,
                self.prune_at,
                self.tables.look_at(),
            ]
            .into_iter()
            .flatten()
            .min();
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Some(event) = self.events.recv() => self.take(event).await,
                () = moved.notified() => self.moved(),
                () = until(next) => self.act(Instant::now()).await,
            }
        }
    }

    fn branch(&self) -> bool {
        self.shared.office.role == Role::Branch
    }

    fn moved(&mut self) {
        let now = Instant::now();
        let earliest = self.pruned_at.map_or(now, |at| at + PRUNE_EVERY);
        let next = earliest.max(now);
        self.prune_at = Some(self.prune_at.map_or(next, |at| at.min(next)));
        if self.branch() && self.shared.positions.unreported() {
            self.report_at.get_or_insert(now + REPORT_AFTER);
        }
    }

    async fn take(&mut self, event: Event) {
        match event {
            Event::Connected if self.branch() => {
                self.welcomed = false;
                self.say_hello().await;
            }
            Event::Unknown if self.branch() && self.welcomed => {
                self.welcomed = false;
                self.hello_at = Some(Instant::now() + HELLO_EVERY / 5);
            }
            Event::QueueLost if self.branch() => {
                self.welcomed = false;
                self.say_hello().await;
            }
            Event::QueueLost => self.ask_every_branch().await,
            Event::Connected | Event::Unknown => {}
            Event::Message {
                sender,
                control,
                acker,
            } => self.receive_message(&sender, &control, &acker).await,
            Event::Packed {
                sender,
                body,
                acker,
            } => match Control::unpack(Encoding::Zstd, &body) {
                Ok(control) => {
                    drop(body);
                    self.receive_message(&sender, &control, &acker).await;
                }
                Err(error) => {
                    let (origin, bytes) = (sender.origin, body.len());
                    tracing::error!(origin, bytes, %error, "a control message is malformed; it is dropped");
                    acknowledge(&acker).await;
                }
            },
        }
    }

    async fn receive_message(&mut self, sender: &Sender, control: &Control, acker: &Acker) {
        self.receive_until_answered(sender, control).await;
        if !self.shared.stop.is_cancelled() {
            acknowledge(acker).await;
        }
    }

    async fn act(&mut self, now: Instant) {
        let due = |at: &mut Option<Instant>| at.take_if(|at| *at <= now).is_some();
        if due(&mut self.hello_at) {
            self.say_hello().await;
        }
        if due(&mut self.report_at) && self.shared.positions.unreported() {
            self.report().await;
        }
        if due(&mut self.heartbeat_at) {
            self.say_hello().await;
        }
        if due(&mut self.prune_at) {
            self.pruned_at = Some(now);
            self.prune_at = Some(now + PRUNE_AT_LEAST_EVERY);
            self.prune().await;
        }
        if self.tables.due(now) {
            self.tables.look(&self.shared).await;
        }
    }

    async fn say_hello(&mut self) {
        let now = Instant::now();
        if !self.welcomed {
            self.hello_at = Some(now + HELLO_EVERY);
        }
        self.heartbeat_at = Some(now + HEARTBEAT);
        let load = self.load_state().await;
        let position = self.shared.positions.report();
        let control = Control::Hello {
            role: WireRole::Branch,
            position: position.as_ref().map(|position| position.tick),
            position_incarnation: position.map(|position| position.incarnation),
            relay_version: env!("CARGO_PKG_VERSION").to_owned(),
            load,
        };
        self.say(KEY_HEAD.to_owned(), control).await;
    }

    /// How far the loading of this branch is; what can't be told now is told with the next hello.
    async fn load_state(&self) -> Option<Load> {
        let client = self.shared.applier.aside().await.ok()?;
        database::load_state(&client).await.ok().flatten()
    }

    /// At the head: every branch sends again what we have not applied. Nobody forgets anything because of
    /// that, so it need not be flushed.
    async fn ask_every_branch(&self) {
        let known = match self.shared.applier.aside().await {
            Ok(client) => database::inbox_position(&client).await,
            Err(error) => Err(error),
        };
        match known {
            Ok(branches) => {
                for branch in branches {
                    let from = branch.position + 1;
                    self.say(branch.origin, Control::Resend { from }).await;
                }
            }
            Err(error) => tracing::error!(
                %error,
                "the queue was lost and the branches could not be asked to send again; \
                 restart the relays of the branches"
            ),
        }
    }

    async fn report(&mut self) {
        if let Some(position) = self.shared.positions.report() {
            let control = Control::Position {
                position: position.tick,
                position_incarnation: position.incarnation,
            };
            self.say(KEY_HEAD.to_owned(), control).await;
        }
    }

    async fn prune(&self) {
        let pruned = match self.shared.applier.aside().await {
            Ok(client) => database::prune(&client).await,
            Err(error) => Err(error),
        };
        match pruned {
            Ok(bytes) if bytes > 0 => tracing::debug!(bytes, "the outbox gave space back"),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the outbox could not be pruned"),
        }
    }

    /// Tries again while the database is away; an answer that will not change is logged and dropped.
    async fn receive_until_answered(&mut self, sender: &Sender, control: &Control) {
        let stop = self.shared.stop.clone();
        while let Err(error) = self.receive(sender, control.clone()).await {
            if error.kind().policy() != Policy::Retry {
                tracing::error!(origin = sender.origin, %error, "a control message was refused");
                return;
            }
            tracing::warn!(%error, "the database did not answer; trying again");
            let rest = tokio::time::sleep(Duration::from_secs(1));
            if stop.run_until_cancelled(rest).await.is_none() {
                return;
            }
        }
    }

    async fn receive(&mut self, sender: &Sender, control: Control) -> Result<()> {
        match (self.shared.office.role, control) {
            (
                Role::Head,
                Control::Hello {
                    role,
                    position,
                    position_incarnation,
                    relay_version,
                    load,
                },
            ) => {
                tracing::debug!(origin = sender.origin, relay_version, "a branch says hello");
                let role = match role {
                    WireRole::Head => "head",
                    WireRole::Branch => "branch",
                };
                let position = (position, position_incarnation.as_deref());
                self.welcome(sender, role, position, load).await
            }
            (
                Role::Head,
                Control::Position {
                    position,
                    position_incarnation,
                },
            ) => {
                let client = self.shared.applier.aside().await?;
                database::receive_position(&client, sender, position, &position_incarnation)
                    .await?;
                self.moved();
                Ok(())
            }
            (
                Role::Branch,
                Control::Welcome {
                    start,
                    received,
                    received_incarnation,
                    number,
                    rejoins,
                },
            ) => {
                let welcome = Welcome {
                    start,
                    received,
                    received_incarnation,
                    number,
                    rejoins,
                };
                self.welcomed_by(sender, &welcome).await
            }
            (Role::Head, Control::Resend { from }) => {
                let client = self.shared.applier.aside().await?;
                database::require_sender(&client, sender).await?;
                let branch = sender.origin.clone();
                self.command(Command::ResendTo {
                    branch,
                    from,
                    fresh: false,
                })
                .await;
                Ok(())
            }
            (Role::Branch, Control::Resend { from }) => {
                self.command(Command::Rewind { from }).await;
                Ok(())
            }
            (
                Role::Head,
                Control::Answer {
                    number,
                    tick,
                    outcome,
                    answer,
                },
            ) => {
                let client = self.shared.applier.aside().await?;
                let outcome = match outcome {
                    Outcome::Taken => "taken",
                    Outcome::Missed => "missed",
                    Outcome::Failed => "failed",
                };
                let answer = answer.map(|answer| answer.to_string());
                let answer = answer.as_deref();
                database::receive_answer(&client, sender, number, tick, outcome, answer).await?;
                drop(client);
                self.command(Command::Read).await;
                Ok(())
            }
            (_, Control::TablesHeld { digest }) => {
                self.tables
                    .tell(&self.shared, sender, digest.as_deref())
                    .await;
                Ok(())
            }
            (
                _,
                Control::Tables {
                    digest,
                    definitions,
                    functions,
                },
            ) => {
                let functions = functions.as_deref();
                Tables::receive(&self.shared, sender, &digest, &definitions, functions).await
            }
            _ => Err(Error::Unpublished("sent to the wrong side; it is dropped")),
        }
    }

    async fn welcome(
        &mut self,
        sender: &Sender,
        role: &str,
        (position, position_incarnation): (Option<i64>, Option<&str>),
        load: Option<Load>,
    ) -> Result<()> {
        let client = self.shared.applier.aside().await?;
        let greeting =
            database::receive_hello(&client, sender, role, position, position_incarnation, load)
                .await?;
        // The branch forgets what we say we have received, so that has to be on disk first.
        database::flush(&client).await?;
        drop(client);
        let control = Control::Welcome {
            start: greeting.start,
            received: greeting.received,
            received_incarnation: greeting.received_incarnation,
            number: greeting.number,
            rejoins: greeting.rejoins,
        };
        if greeting.rejoins {
            tracing::warn!(
                branch = sender.origin,
                "a branch was left behind; it goes on here, and is compared and put right"
            );
        }
        // The welcome first: the branch needs its start before ticks can fit.
        self.say(sender.origin.clone(), control).await;
        if let Some(from) = greeting.resend_from {
            self.command(Command::ResendTo {
                branch: sender.origin.clone(),
                from,
                fresh: true,
            })
            .await;
        }
        self.tables.ask(&self.shared, sender).await;
        self.moved();
        Ok(())
    }

    async fn welcomed_by(&mut self, sender: &Sender, welcome: &Welcome) -> Result<()> {
        let client = self.shared.applier.aside().await?;
        let welcomed = database::receive_welcome(&client, sender, welcome).await?;
        let positions = database::inbox_position(&client).await?;
        // They go into the headers of our ticks, for the head to forget what we have.
        database::flush(&client).await?;
        drop(client);
        if let Some(position) = positions
            .into_iter()
            .find(|position| position.origin == sender.origin)
        {
            self.shared
                .positions
                .set(&position.incarnation, position.seen);
        }
        if !self.welcomed {
            tracing::info!(
                origin = sender.origin,
                start = welcome.start,
                received = welcome.received,
                "the head welcomes us"
            );
        }
        self.answer_again().await?;
        self.welcomed = true;
        self.hello_at = None;
        if let Some(from) = welcomed.resend_from {
            self.command(Command::Rewind { from }).await;
        }
        if let Some(from) = welcomed.ask_from {
            tracing::info!(
                origin = sender.origin,
                from,
                "ticks are missing; asking for them again"
            );
            self.say(KEY_HEAD.to_owned(), Control::Resend { from })
                .await;
        }
        self.tables.ask(&self.shared, sender).await;
        self.moved();
        Ok(())
    }

    /// While this branch is being loaded: what a relay that has died may not have said any more.
    async fn answer_again(&self) -> Result<()> {
        if self.welcomed {
            return Ok(());
        }
        let client = self.shared.applier.aside().await?;
        let taken = database::load_answers(&client).await?;
        drop(client);
        for (number, tick) in taken {
            let control = Control::Answer {
                number,
                tick,
                outcome: Outcome::Taken,
                answer: Some(serde_json::json!({})),
            };
            self.say(KEY_HEAD.to_owned(), control).await;
        }
        Ok(())
    }

    async fn say(&self, key: String, control: Control) {
        self.command(Command::Say { key, control }).await;
    }

    async fn command(&self, command: Command) {
        let sending = self.shared.commands.send(command);
        self.shared.stop.run_until_cancelled(sending).await;
    }
}
