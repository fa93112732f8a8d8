//! The publishing connection as the outbox loop sees it: up, being made, or resting after a failure.
//!
//! Invariant: at most one connection attempt is under way, and after a failure the next one waits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::backoff::Backoff;
use crate::broker::connect::attempt;
use crate::broker::publisher::Publisher;
use crate::config::Config;
use crate::database::Office;
use crate::error::{Error, Result};
use crate::stats::Stats;

/// The shortest rest after a failure.
const REST: Duration = Duration::from_millis(200);
/// How often the same trouble is repeated in the log.
const REMIND: Duration = Duration::from_secs(60);

enum State {
    /// No connection until then. Entered by `fail`.
    Resting { until: Instant },
    /// Entered when the rest is over.
    Connecting(JoinHandle<Result<Publisher>>),
    /// Entered when the connection is made; left by `fail`.
    Up(Box<Publisher>),
}

/// See the module.
pub(crate) struct BrokerState {
    config: Arc<Config>,
    office: Arc<Office>,
    stats: Arc<Stats>,
    state: State,
    backoff: Backoff,
    warned: Option<(&'static str, Instant)>,
}

impl BrokerState {
    pub(crate) fn new(config: Arc<Config>, office: Arc<Office>, stats: Arc<Stats>) -> Self {
        Self {
            stats,
            backoff: Backoff::new(REST, config.reconnect_max),
            config,
            office,
            state: State::Resting {
                until: Instant::now(),
            },
            warned: None,
        }
    }

    pub(crate) fn up(&mut self) -> Option<&mut Publisher> {
        match &mut self.state {
            State::Up(publisher) => Some(publisher),
            _ => None,
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        matches!(self.state, State::Up(_))
    }

    /// Begins to connect when the rest is over. Called before every wait.
    pub(crate) fn start_connecting(&mut self, now: Instant) {
        if let State::Resting { until } = self.state
            && until <= now
        {
            let (config, office) = (Arc::clone(&self.config), Arc::clone(&self.office));
            let stats = Arc::clone(&self.stats);
            self.state = State::Connecting(tokio::spawn(async move {
                attempt(Publisher::connect(&config, &office, stats)).await
            }));
        }
    }

    /// When `start_connecting` wants to be called again.
    pub(crate) fn rests_until(&self) -> Option<Instant> {
        match self.state {
            State::Resting { until } => Some(until),
            _ => None,
        }
    }

    /// Resolves when an attempt has ended; never, when none is under way. Safe to drop and call again.
    pub(crate) async fn connected(&mut self) -> Result<()> {
        let State::Connecting(task) = &mut self.state else {
            return std::future::pending().await;
        };
        match task.await {
            Ok(Ok(publisher)) => {
                self.state = State::Up(Box::new(publisher));
                Ok(())
            }
            Ok(Err(error)) => {
                let delay = self.backoff.next_delay();
                self.rest(delay);
                Err(error)
            }
            Err(_) => {
                let delay = self.backoff.next_delay();
                self.rest(delay);
                Err(Error::Task("broker connection"))
            }
        }
    }

    /// Something was published and confirmed: the broker is well.
    pub(crate) fn well(&mut self) {
        self.backoff.reset();
        self.warned = None;
    }

    /// Gives the connection up; the next one comes after a rest.
    pub(crate) fn fail(&mut self) {
        let delay = self.backoff.next_delay();
        if let State::Up(publisher) = std::mem::replace(
            &mut self.state,
            State::Resting {
                until: Instant::now(),
            },
        ) {
            let link = publisher.link();
            tokio::spawn(async move { link.close().await });
        }
        self.rest(delay);
    }

    /// Gives the connection up although it is well: the link may not be used now.
    pub(crate) fn rest_now(&mut self) {
        self.fail();
        self.backoff.reset();
        self.rest(Duration::ZERO);
    }

    /// Goes on with a fresh channel of the same connection. Used when the broker is well, but what was
    /// published must be published again.
    pub(crate) fn reopen(&mut self) {
        if let State::Up(publisher) = &self.state {
            let (link, role) = (publisher.link(), self.office.role);
            let stats = Arc::clone(&self.stats);
            self.state = State::Connecting(tokio::spawn(async move {
                attempt(Publisher::open(link, role, stats)).await
            }));
        }
    }

    /// Whether this trouble should be told now: the first time, then once a minute.
    pub(crate) fn should_tell(&mut self, trouble: &'static str, now: Instant) -> bool {
        match self.warned {
            Some((told, at)) if told == trouble && now.duration_since(at) < REMIND => false,
            _ => {
                self.warned = Some((trouble, now));
                true
            }
        }
    }

    fn rest(&mut self, delay: Duration) {
        self.state = State::Resting {
            until: Instant::now() + delay,
        };
    }
}
