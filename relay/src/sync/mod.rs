//! `officesync-relay sync --once`: uses the link until nothing is left to be sent or fetched, and ends: for cron,
//! a modem, a laptop.
//!
//! Invariant: it is the relay, with someone who watches: what it leaves undone, the next one does.

use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use deadpool_postgres::Pool;
use tokio_util::sync::CancellationToken;

use crate::broker::connect::connect;
use crate::broker::topology::{messages_in, own_queue};
use crate::config::Config;
use crate::database::{self, Office, Traffic};
use crate::error::Result;
use crate::run;
use crate::stats::Stats;

const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Nothing has moved for so long, and nothing is left: answers of the other side had time to come.
const QUIET: Duration = Duration::from_millis(1500);
/// Not everything could be sent and fetched.
const EXIT_UNFINISHED: u8 = 4;

/// What `sync` is told.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) options: crate::Options,
    /// Send and fetch what there is now, then end
    #[arg(long, required = true)]
    once: bool,
    /// Give up after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    patience: u64,
}

/// What was carried.
#[derive(Debug, Clone, Copy)]
struct Summary {
    ticks_sent: i64,
    ticks: i64,
    rows: i64,
    bytes: i64,
}

/// Ends a relay once nothing is left to do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Once(Arc<Mutex<Option<Summary>>>);

/// Runs it: 0 when nothing is left.
pub(crate) async fn sync(mut config: Config, arguments: &Arguments) -> Result<ExitCode> {
    // Who asks for it by hand does not wait for the night.
    config.window = None;
    let once = Once::default();
    let patience = Duration::from_secs(arguments.patience);
    run::run(
        Arc::new(config),
        CancellationToken::new(),
        Some((once.clone(), patience)),
    )
    .await?;
    let summary = *once.0.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(summary) = summary else {
        eprintln!(
            "officesync-relay: not everything could be sent and fetched; it goes on next time"
        );
        return Ok(ExitCode::from(EXIT_UNFINISHED));
    };
    println!(
        "sent {} ticks; applied {} ticks, {} rows, {} bytes",
        summary.ticks_sent, summary.ticks, summary.rows, summary.bytes
    );
    Ok(ExitCode::SUCCESS)
}

impl Once {
    /// Watches until nothing is left, then asks the relay to stop.
    pub(crate) async fn watch(
        &self,
        config: &Config,
        office: &Office,
        pool: &Pool,
        stats: &Stats,
        stop: &CancellationToken,
    ) -> Result<()> {
        let began = database::traffic(&*pool.get().await?).await?;
        let link = connect(&config.broker, format!("officesync {} sync", office.name)).await?;
        let mut last = began;
        let mut quiet_since = Instant::now();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = database::traffic(&*pool.get().await?).await?;
            let up = stats.publisher.load(Relaxed) && stats.consumer.load(Relaxed);
            let waiting = messages_in(&link.connection, &own_queue(office)).await?;
            if !up || waiting > 0 || now.is_unsent || now.waiting_ticks > 0 || now != last {
                last = now;
                quiet_since = Instant::now();
            } else if quiet_since.elapsed() >= QUIET {
                let summary = Summary::between(&began, &now);
                *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(summary);
                stop.cancel();
                link.close().await;
                return Ok(());
            }
        }
    }
}

impl Summary {
    fn between(began: &Traffic, now: &Traffic) -> Self {
        Self {
            ticks_sent: now.sent_tick - began.sent_tick,
            ticks: now.ticks - began.ticks,
            rows: now.rows - began.rows,
            bytes: now.bytes - began.bytes,
        }
    }
}
