//! `/metrics`: what this process has counted, and what its database says in `officesync.status()`.
//!
//! Invariant: the database's numbers are those of the views and of `status --json`. A look that took long is
//! not repeated before ten times as long has passed, so that scraping costs a tenth of a core at most.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::Pool;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

use super::exposition::{number, office, peers, process};
use crate::error::{Error, Result};
use crate::stats::Stats;
use crate::status::document::Status;

/// The longest a scrape waits for the database.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many times the duration of a look has to pass before the next.
const REST: u32 = 10;

/// What is scraped.
#[derive(Debug)]
pub(crate) struct Metrics {
    stats: Arc<Stats>,
    /// Set while this relay leads: a standby has nothing to say of the office.
    pool: Mutex<Option<Pool>>,
    /// One look at a time; a scrape that comes meanwhile waits for it.
    last: tokio::sync::Mutex<Option<Look>>,
}

/// One look at the database.
#[derive(Debug, Clone)]
struct Look {
    status: Status,
    ended: Instant,
    took: Duration,
}

impl Metrics {
    pub(crate) fn new(stats: Arc<Stats>) -> Self {
        Self {
            stats,
            pool: Mutex::default(),
            last: tokio::sync::Mutex::default(),
        }
    }

    pub(crate) fn stats(&self) -> &Stats {
        &self.stats
    }

    /// From now on this database is asked.
    pub(crate) fn read_from(&self, pool: Pool) {
        *self.pool.lock().unwrap_or_else(PoisonError::into_inner) = Some(pool);
    }

    /// The session is over: what it knew is not to be told as if it were so still.
    pub(crate) fn forget_database(&self) {
        *self.pool.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// All metrics, in the OpenMetrics text format.
    pub(crate) async fn text(&self) -> std::result::Result<String, fmt::Error> {
        let mut registry = Registry::with_prefix("officesync");
        process(&mut registry, &self.stats);
        let pool = self
            .pool
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut read = false;
        if let Some(pool) = pool {
            match self.look(&pool).await {
                Ok(status) => {
                    office(&mut registry, &status);
                    peers(&mut registry, &status.peers);
                    read = true;
                }
                Err(error) => {
                    self.stats.failed(&error);
                    tracing::warn!(%error, "/metrics goes without the database's numbers");
                }
            }
        }
        number(
            &mut registry,
            "database_read",
            "Whether the database's numbers are among these: 1 or 0",
            i64::from(read),
        );
        let mut body = String::new();
        text::encode(&mut body, &registry)?;
        Ok(body)
    }

    async fn look(&self, pool: &Pool) -> Result<Status> {
        let mut last = self.last.lock().await;
        if let Some(look) = last.as_ref()
            && look.ended.elapsed() < look.took * REST
        {
            return Ok(look.status.clone());
        }
        let began = Instant::now();
        let reading = async { Status::read(&*pool.get().await?).await };
        let status = tokio::time::timeout(PATIENCE, reading)
            .await
            .map_err(|_| Error::Pool("no answer within 5 s".to_owned()))??;
        *last = Some(Look {
            status: status.clone(),
            ended: Instant::now(),
            took: began.elapsed(),
        });
        Ok(status)
    }
}
