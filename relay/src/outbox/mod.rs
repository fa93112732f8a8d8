//! The outbox side: tick, drain, publish, settle. One loop owns all of it.
//!
//! Invariant: a tick is settled only when every message of it, and of every tick before it, was
//! confirmed and none came back. After any failure publishing begins again behind the last confirmed
//! tick; receivers drop what they have seen.

mod branches;
mod broker_state;
mod confirms;
mod drain;
mod held;
pub(crate) mod listen;
mod publish;
mod reading;
mod resend;
pub(crate) mod settle;
mod tick;
mod work;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use deadpool_postgres::Pool;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::branches::BranchQueues;
use self::broker_state::BrokerState;
use self::drain::{Stream, Underway};
use self::held::Held;
use self::listen::Command;
use self::reading::Readings;
use self::resend::Resends;
use self::settle::{Confirmed, Trouble};
use self::tick::Ticker;
use crate::config::Config;
use crate::database::{self, Office, Role};
use crate::error::{Error, Policy, Result};
use crate::gate::Gate;
use crate::inbox::control::Event;
use crate::inbox::position::Positions;
use crate::lead::Session;
use crate::message::Control;
use crate::stats::{self, Link, Stats};

/// Without a branch queue publishing is tried again this slowly.
const NO_BRANCH_REST: Duration = Duration::from_secs(2);
/// So many control messages wait for the broker; older ones are dropped, they are repeated anyway.
const MAX_UNSAID: usize = 64;

/// What the outbox loop needs from outside.
pub(crate) struct Surroundings {
    pub(crate) config: Arc<Config>,
    pub(crate) office: Arc<Office>,
    pub(crate) pool: Pool,
    pub(crate) stats: Arc<Stats>,
    pub(crate) positions: Arc<Positions>,
    /// Whether the link may be used now.
    pub(crate) gate: Gate,
    /// Tells the control task that the broker is back.
    pub(crate) events: mpsc::Sender<Event>,
}

/// The outbox loop and its state.
pub(crate) struct Outbox {
    around: Surroundings,
    session: Session,
    commands: mpsc::Receiver<Command>,
    stop: CancellationToken,
    ticker: Ticker,
    broker: BrokerState,
    /// What this session last said of the link, for those who look at the database.
    told_link: Option<Link>,
    stream: Stream,
    underway: Option<Underway>,
    resends: Resends,
    readings: Readings,
    held: Held,
    /// Ticks sent again since the last tick for everybody.
    resent_in_a_row: u32,
    settled: i64,
    /// Since when something is confirmed and not settled.
    confirmed_at: Option<Instant>,
    settling: Option<JoinHandle<Result<i64>>>,
    branches: BranchQueues,
    /// Whether the log has been told that the broker blocks us.
    told_blocked: bool,
    /// No tick for everybody before this: the last one found no branch queue (head only).
    everybody_rests: Option<Instant>,
    /// Whether the last tick for everybody reached nobody.
    nobody_listens: bool,
    /// Control messages that wait for the broker.
    unsaid: VecDeque<(String, Control)>,
}

/// What ended a wait.
enum Woken {
    Notified,
    Wanted,
    Command(Command),
    Confirms(std::result::Result<Vec<Confirmed>, Trouble>),
    Settled(std::result::Result<Result<i64>, tokio::task::JoinError>),
    Broker(Result<()>),
    Lost,
    Time,
}

impl Outbox {
    /// Reads where the outbox stands.
    pub(crate) async fn new(
        around: Surroundings,
        session: Session,
        commands: mpsc::Receiver<Command>,
        stop: CancellationToken,
    ) -> Result<Self> {
        let (made, sent) = database::outbox_position(&session.client).await?;
        if around.office.role == Role::Head {
            database::await_answers(&session.client).await?;
        }
        let config = &around.config;
        Ok(Self {
            ticker: Ticker::new(config),
            broker: BrokerState::new(
                Arc::clone(config),
                Arc::clone(&around.office),
                Arc::clone(&around.stats),
            ),
            told_link: None,
            stream: Stream::new(made, sent),
            underway: None,
            resends: Resends::default(),
            readings: Readings::default(),
            held: Held::default(),
            resent_in_a_row: 0,
            settled: sent,
            confirmed_at: None,
            settling: None,
            branches: BranchQueues::default(),
            told_blocked: false,
            everybody_rests: None,
            nobody_listens: false,
            unsaid: VecDeque::new(),
            around,
            session,
            commands,
            stop,
        })
    }

    /// Runs until told to stop and everything handed to the broker is settled, or until the lead is lost.
    pub(crate) async fn run(mut self) -> Result<()> {
        loop {
            if self.session.wakers.lost.is_cancelled() {
                return Err(Error::SessionLost);
            }
            if let Some(confirms) = self.confirms_so_far().await {
                self.take_confirms(confirms);
            }
            while let Ok(command) = self.commands.try_recv() {
                self.obey(command);
            }
            self.start_settling();
            let sends = self.around.gate.borrow_and_update().send;
            self.follow_held();
            if sends {
                self.broker.start_connecting(Instant::now());
            } else if self.broker.is_up() && self.finished() {
                self.around.stats.publisher.store(false, Relaxed);
                self.broker.rest_now();
                self.readings.give_up();
            }
            if self.stop.is_cancelled() && self.finished() {
                break;
            }
            self.tell_link().await?;
            if !self.work().await? {
                let woken = self.wait().await;
                self.handle(woken)?;
            }
        }
        if let Some(publisher) = self.broker.up() {
            let link = publisher.link();
            link.close().await;
        }
        Ok(())
    }

    /// Whether nothing new is begun: the relay ends, or the link may not be used now.
    fn is_closing(&self) -> bool {
        self.stop.is_cancelled() || !self.around.gate.borrow().send
    }

    /// Nothing is half done: no tick begun, no confirm awaited, nothing to settle. Without the broker
    /// there is nothing to finish: it all stands in the outbox.
    fn finished(&mut self) -> bool {
        let idle = match self.broker.up() {
            Some(publisher) => publisher.in_flight().is_empty() && self.underway.is_none(),
            None => true,
        };
        idle && self.settling.is_none() && self.stream.confirmed <= self.settled
    }

    /// The state of the link stands in the name of the leading session, where `officesync.status()` finds
    /// it: it costs no write, and ends with the session.
    async fn tell_link(&mut self) -> Result<()> {
        let link = self.around.stats.link();
        if self.told_link.replace(link) == Some(link) {
            return Ok(());
        }
        let since = stats::now_us() / 1_000_000;
        let name = format!("officesync-relay link={} since={since}", link.as_str());
        database::name_session(&self.session.client, &name).await
    }

    async fn wait(&mut self) -> Woken {
        let now = Instant::now();
        let deadline = self.deadline(now);
        let stopping = self.stop.is_cancelled();
        let wakers = Arc::clone(&self.session.wakers);
        // Either there is a publisher to be polled for confirms, or there is a connection in the making.
        let up = self.broker.is_up();
        let stats = Arc::clone(&self.around.stats);
        let mut gate = self.around.gate.clone();
        let broker = &mut self.broker;
        let progress = async {
            if up {
                match broker.up() {
                    Some(publisher) => {
                        Woken::Confirms(std::future::poll_fn(|cx| publisher.poll(cx)).await)
                    }
                    None => std::future::pending().await,
                }
            } else {
                Woken::Broker(broker.connected().await)
            }
        };
        tokio::select! {
            biased;
            () = wakers.lost.cancelled() => Woken::Lost,
            () = self.stop.cancelled(), if !stopping => Woken::Time,
            woken = progress => woken,
            ended = join(&mut self.settling) => Woken::Settled(ended),
            Some(command) = self.commands.recv() => Woken::Command(command),
            () = wakers.outbox.notified(), if !stopping => Woken::Notified,
            () = stats.link_changed.notified() => Woken::Time,
            () = wakers.readings.notified(), if !stopping => Woken::Wanted,
            Ok(()) = gate.changed() => Woken::Time,
            () = tokio::time::sleep_until(deadline.into()) => Woken::Time,
        }
    }

    /// The next moment at which there may be something to do although nothing happens.
    fn deadline(&mut self, now: Instant) -> Instant {
        const BLOCKED_LOOK: Duration = Duration::from_millis(250);
        const CONNECTION_LOOK: Duration = Duration::from_secs(5);
        const LONGEST: Duration = Duration::from_secs(60);
        let mut deadline = now + LONGEST;
        if !self.stop.is_cancelled() {
            let unsettled = self.unsettled();
            deadline = deadline.min(self.ticker.due(now, unsettled, self.broker.is_up()));
            if self.around.office.role == Role::Head && self.broker.is_up() && !self.is_closing() {
                deadline = deadline.min(self.readings.due(now));
            }
        }
        if let Some(until) = self.everybody_rests.take_if(|until| *until <= now) {
            return until;
        }
        if let Some(until) = self.everybody_rests {
            deadline = deadline.min(until);
        }
        if let Some(since) = self.confirmed_at {
            deadline = deadline.min(since + confirms::SETTLE_REST);
        }
        if let Some(until) = self.broker.rests_until()
            && self.around.gate.borrow().send
        {
            deadline = deadline.min(until);
        }
        if let Some(publisher) = self.broker.up() {
            if !publisher.blocked() && self.around.office.role == Role::Head {
                deadline = deadline.min(self.branches.due(now));
            }
            if publisher.blocked() {
                deadline = deadline.min(now + BLOCKED_LOOK);
            } else {
                deadline = deadline.min(now + CONNECTION_LOOK);
            }
        }
        deadline
    }

    fn handle(&mut self, woken: Woken) -> Result<()> {
        match woken {
            Woken::Lost => return Err(Error::SessionLost),
            Woken::Notified => self.ticker.notify(),
            Woken::Wanted => {
                self.readings.look_soon();
                self.branches.look_soon();
            }
            Woken::Command(command) => self.obey(command),
            Woken::Confirms(confirms) => self.take_confirms(confirms),
            Woken::Settled(ended) => {
                self.settling = None;
                let tick = ended.map_err(|_| Error::Task("settle"))??;
                self.settled = self.settled.max(tick);
            }
            Woken::Broker(Ok(())) => self.broker_is_up(),
            Woken::Broker(Err(error)) => self.broker_is_down(error)?,
            Woken::Time => {}
        }
        self.around.stats.unsent.store(self.unsettled(), Relaxed);
        Ok(())
    }

    fn broker_is_up(&mut self) {
        if !self.around.stats.set_publishing(true) {
            tracing::info!(office = self.around.office.name, "publishing to the broker");
        }
        self.around.stats.broker_ever.store(true, Relaxed);
        self.told_blocked = false;
        self.around.stats.blocked.store(false, Relaxed);
        for (key, control) in std::mem::take(&mut self.unsaid) {
            self.say(key, control);
        }
        // A full queue means that the control task has news of the same kind waiting already.
        let _ = self.around.events.try_send(Event::Connected);
    }

    /// At the first start a refusal (password, rights, other properties) is the operator's to see.
    fn broker_is_down(&mut self, error: Error) -> Result<()> {
        self.around.stats.failed(&error);
        let passes = error.kind().policy() == Policy::Retry;
        if !passes && !self.around.stats.broker_ever.load(Relaxed) {
            return Err(error);
        }
        if self.broker.should_tell("connect", Instant::now()) {
            tracing::warn!(
                %error,
                advice = error.kind().advice(),
                "no broker to publish to; changes are kept in the outbox"
            );
        }
        Ok(())
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Say { key, control } => self.say(key, control),
            Command::ResendTo {
                branch,
                from,
                fresh,
            } => {
                // What is not published yet will go to everybody; nobody lacks it.
                if from <= self.begun() && !self.held.lacks(&branch, from) {
                    tracing::info!(branch, from, "sending ticks again to one branch");
                    self.resends.ask(&branch, from, fresh);
                }
            }
            Command::Read => self.readings.look_soon(),
            Command::Rewind { from } => {
                tracing::info!(from, "the head lacks ticks; sending them again");
                self.stream.rewind(from);
                self.underway = None;
            }
        }
    }

    fn say(&mut self, key: String, control: Control) {
        let office = Arc::clone(&self.around.office);
        let Some(publisher) = self.broker.up() else {
            // Long, and asked for again as soon as there is a broker.
            if matches!(control, Control::Tables { .. }) {
                return;
            }
            self.unsaid.push_back((key, control));
            if self.unsaid.len() > MAX_UNSAID {
                self.unsaid.pop_front();
            }
            return;
        };
        match publish::control(&office, publisher.user(), key, &control) {
            Ok((outgoing, what)) => publisher.push(outgoing, what),
            Err(error) => tracing::error!(%error, "a control message could not be written"),
        }
    }
}

/// Awaits a task that may not be there. Safe to drop and call again.
async fn join(
    task: &mut Option<JoinHandle<Result<i64>>>,
) -> std::result::Result<Result<i64>, tokio::task::JoinError> {
    match task {
        Some(task) => task.await,
        None => std::future::pending().await,
    }
}
