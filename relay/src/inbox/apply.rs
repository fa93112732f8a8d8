//! Hands one part of a tick to the extension and sorts the errors.
//!
//! Invariant: a transient error is retried for ever, in place, so the lane's order holds; any other
//! error halts the lane in the database, and then the part is stored there (`held`). Nothing is ever
//! acknowledged that the database has neither applied nor stored.
//!
//! What is applied here is visible at once and durable only after a flush; each answer comes with the
//! [`Witness`] who can tell.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Object, Pool};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::config::Config;
use crate::database::{self, Applied, Client, Part, ReadingMessage, Taken};
use crate::error::{Error, Policy, Result};
use crate::stats::Stats;

/// SQLSTATE `feature_not_supported`, for messages of a newer version.
pub(crate) const NEWER_VERSION: &str = "0A000";

/// The way to the database for the lanes; at most so many of them are in it at once.
#[derive(Clone)]
pub(crate) struct Applier {
    pool: Pool,
    places: Arc<Semaphore>,
    stop: CancellationToken,
    retry_max: Duration,
    stats: Arc<Stats>,
    witness: Arc<Mutex<Option<Witness>>>,
}

/// A session that was open before something was committed without a flush. As long as it lives, so does
/// the server that has the commit in memory: a crash ends all sessions. So when it flushes, that commit is
/// on disk; a session opened later could only tell that of what the crash has left.
#[derive(Debug, Clone)]
pub(crate) struct Witness(Arc<Object>);

impl Witness {
    pub(crate) async fn flush(&self) -> Result<()> {
        database::flush(&self.0).await
    }

    /// Whether it can tell nothing any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.is_closed()
    }

    pub(crate) fn is(&self, other: &Witness) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// What one lane works on; for the log and for halting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At<'a> {
    pub(crate) origin: &'a str,
    pub(crate) tick: i64,
}

/// What is asked of the extension.
#[derive(Debug, Clone, Copy)]
enum Call<'a> {
    Part(&'a Part),
    Staged(&'a str),
}

impl Call<'_> {
    async fn run(self, client: &Client) -> Result<Applied> {
        match self {
            Call::Part(part) => tokio::select! {
                biased;
                applied = database::apply(client, part) => applied,
                // Only with the feature `failpoints` does this ever do anything.
                () = crate::faults::apply_mid() => Err(Error::Task("failpoint")),
            },
            Call::Staged(origin) => database::apply_staged(client, origin).await,
        }
    }
}

impl Applier {
    pub(crate) fn new(
        pool: Pool,
        config: &Config,
        stats: Arc<Stats>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            pool,
            places: Arc::new(Semaphore::new(config.apply_concurrency)),
            stop,
            retry_max: config.reconnect_max,
            stats,
            witness: Arc::default(),
        }
    }

    /// Applies a part. `None`: told to stop before it was done; the message must not be acknowledged.
    pub(crate) async fn apply(&self, part: &Part) -> Option<(Applied, Witness)> {
        let at = At {
            origin: &part.origin,
            tick: part.tick,
        };
        self.persist(at, Call::Part(part)).await
    }

    /// Applies the next complete staged tick of an origin, which stands at `position`.
    pub(crate) async fn apply_staged(
        &self,
        origin: &str,
        position: i64,
    ) -> Option<(Applied, Witness)> {
        let at = At {
            origin,
            tick: position + 1,
        };
        self.persist(at, Call::Staged(origin)).await
    }

    /// Takes a reading; errors that pass are waited out. `None`: told to stop.
    pub(crate) async fn take_reading(&self, message: &ReadingMessage) -> Option<Result<Taken>> {
        let mut backoff = self.backoff();
        loop {
            let taken = match self.place().await? {
                Ok((client, _place)) => database::take_reading(&client, message).await,
                Err(error) => Err(error),
            };
            match taken {
                Err(error) if error.kind().policy() == Policy::Retry => {
                    tracing::warn!(
                        number = message.number,
                        %error,
                        "a reading could not be taken now; trying again"
                    );
                    self.rest(backoff.next_delay()).await?;
                }
                taken => return Some(taken),
            }
        }
    }

    /// Halts a lane; tried until it is done.
    pub(crate) async fn halt(&self, at: At<'_>, sqlstate: &str, reason: &str) -> Option<()> {
        let mut backoff = self.backoff();
        loop {
            let halted = match self.place().await? {
                Ok((client, _place)) => {
                    database::halt_lane(&client, at.origin, at.tick, sqlstate, reason).await
                }
                Err(error) => Err(error),
            };
            let Err(error) = halted else {
                return Some(());
            };
            tracing::warn!(origin = at.origin, %error, "the lane could not be halted; trying again");
            self.rest(backoff.next_delay()).await?;
        }
    }

    /// Calls until the call succeeds; after an error that will not pass, halts the lane and calls again.
    async fn persist(&self, at: At<'_>, call: Call<'_>) -> Option<(Applied, Witness)> {
        let mut backoff = self.backoff();
        loop {
            let (error, refused) = match self.place().await? {
                Ok((client, _place)) => match self.witnessed(call, &client).await {
                    Ok(done) => return Some(done),
                    Err(error) => {
                        let passes = error.kind().policy() == Policy::Retry;
                        (error, !passes)
                    }
                },
                // No connection to be had says nothing about the tick.
                Err(error) => (error, false),
            };
            self.stats.failed(&error);
            if refused {
                tracing::error!(
                    origin = at.origin,
                    tick = at.tick,
                    sqlstate = error.sqlstate(),
                    %error,
                    hint = format!("SELECT officesync.retry('{}')", at.origin),
                    "a tick cannot be applied; its lane is halted"
                );
                let sqlstate = error.sqlstate().unwrap_or("XX000").to_owned();
                self.halt(at, &sqlstate, &reason(&error)).await?;
            } else {
                tracing::warn!(
                    origin = at.origin,
                    tick = at.tick,
                    sqlstate = error.sqlstate(),
                    %error,
                    "a tick could not be applied now; trying again"
                );
                self.rest(backoff.next_delay()).await?;
            }
        }
    }

    async fn witnessed(&self, call: Call<'_>, client: &Client) -> Result<(Applied, Witness)> {
        let witness = self.witness().await?;
        Ok((call.run(client).await?, witness))
    }

    /// The one witness all lanes share; a new one when the last is gone.
    async fn witness(&self) -> Result<Witness> {
        let mut known = self.witness.lock().await;
        if let Some(witness) = known.as_ref().filter(|witness| !witness.is_gone()) {
            return Ok(witness.clone());
        }
        let witness = Witness(Arc::new(self.pool.get().await?));
        *known = Some(witness.clone());
        Ok(witness)
    }

    /// A connection, and a lane's place at the database. `None`: told to stop. A call that was begun is
    /// finished even then.
    async fn place(&self) -> Option<Result<(Object, OwnedSemaphorePermit)>> {
        if self.stop.is_cancelled() {
            return None;
        }
        let waiting = Arc::clone(&self.places).acquire_owned();
        let place = self.stop.run_until_cancelled(waiting).await?.ok()?;
        let client = self.stop.run_until_cancelled(self.pool.get()).await?;
        Some(client.map(|client| (client, place)).map_err(Error::from))
    }

    /// A connection for something small that does not take a lane's place.
    pub(crate) async fn aside(&self) -> Result<Object> {
        Ok(self.pool.get().await?)
    }

    /// The last tick of that office that is applied here; none where it is not known.
    pub(crate) async fn position_of(&self, origin: &str) -> Result<Option<i64>> {
        let client = self.aside().await?;
        let positions = database::inbox_position(&client).await?;
        let mut positions = positions.into_iter();
        let known = positions.find(|position| position.origin == origin);
        Ok(known.map(|position| position.position))
    }

    async fn rest(&self, delay: Duration) -> Option<()> {
        self.stop
            .run_until_cancelled(tokio::time::sleep(delay))
            .await
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(Duration::from_millis(50), self.retry_max)
    }
}

/// What the operator reads in the database, where values may be shown: it is the office's own.
fn reason(error: &Error) -> String {
    let Error::Database(database) = error else {
        return error.to_string();
    };
    match database.as_db_error() {
        Some(inner) => match inner.detail() {
            Some(detail) => format!("{}: {detail}", inner.message()),
            None => inner.message().to_owned(),
        },
        None => error.to_string(),
    }
}
