//! Supervision: one loop owns the session and its tasks.
//!
//! Invariant: the tasks of a session live and die together. Losing the lead, or any task ending by
//! itself, stops all of them before a new session begins.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::config::Config;
use crate::database::Role;
use crate::error::{Error, Policy, Result};
use crate::gate::Keeper;
use crate::health::metrics::Metrics;
use crate::inbox::Inbox;
use crate::inbox::apply::Applier;
use crate::inbox::control::ControlTask;
use crate::inbox::lane::Shared;
use crate::inbox::position::Positions;
use crate::lead::{self, Session};
use crate::outbox::{Outbox, Surroundings};
use crate::stats::{self, Stats};
use crate::sync::Once;
use crate::watch::{Known, Watch};
use crate::{database, health, verify};

/// How many commands and events may wait between the tasks.
const QUEUE: usize = 256;

/// Runs the relay until SIGTERM or SIGINT, or until `stop` is cancelled; with `once`, until nothing is left to do, or
/// so long.
pub(crate) async fn run(
    config: Arc<Config>,
    stop: CancellationToken,
    once: Option<(Once, Duration)>,
) -> Result<()> {
    let stats = Arc::new(Stats::default());
    stop_on_signal(stop.clone())?;
    let metrics = Arc::new(Metrics::new(Arc::clone(&stats)));
    if let Some(address) = config.health {
        health::serve(address, Arc::clone(&metrics), stop.clone()).await?;
    }
    let patience = once.as_ref().map(|(_, patience)| *patience);
    let once = once.map(|(once, _)| once);
    if let Some(patience) = patience {
        let stop = stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(patience).await;
            stop.cancel();
        });
    }
    let mut backoff = Backoff::new(Duration::from_millis(200), config.reconnect_max);
    let mut has_led = false;
    let known = Known::default();
    while !stop.is_cancelled() {
        let around = Around {
            config: &config,
            stats: &stats,
            metrics: &metrics,
            stop: &stop,
            once: once.as_ref(),
            known: &known,
        };
        let ended = one_session(&around, &mut has_led, &mut backoff).await;
        metrics.forget_database();
        stats.database.store(false, Relaxed);
        stats.leading.store(false, Relaxed);
        let Err(error) = ended else {
            continue;
        };
        // Told to stop, and this is only what could not be finished in time.
        if stop.is_cancelled() && matches!(error, Error::GraceOver) {
            break;
        }
        stats.failed(&error);
        let has_worked = has_led && (!error.is_of_broker() || stats.broker_ever.load(Relaxed));
        if may_not_retry(&error, has_worked) {
            return Err(error);
        }
        tracing::warn!(%error, advice = error.kind().advice(), "the session ended; starting again");
        stop.run_until_cancelled(tokio::time::sleep(backoff.next_delay()))
            .await;
    }
    tracing::info!("stopped");
    Ok(())
}

/// At the first start a mistake of the operator ends the process, where it is seen; once the server in
/// question has been worked with, the relay keeps trying, because then something around it has changed
/// and may change back.
fn may_not_retry(error: &Error, has_worked: bool) -> bool {
    match error.kind().policy() {
        Policy::GiveUp | Policy::Stop => !has_worked,
        Policy::Retry | Policy::HaltLane => false,
    }
}

/// What all sessions of a process share.
struct Around<'a> {
    config: &'a Arc<Config>,
    stats: &'a Arc<Stats>,
    metrics: &'a Metrics,
    stop: &'a CancellationToken,
    once: Option<&'a Once>,
    known: &'a Known,
}

async fn one_session(around: &Around<'_>, has_led: &mut bool, backoff: &mut Backoff) -> Result<()> {
    let Around {
        config,
        stats,
        stop,
        once,
        ..
    } = *around;
    let session = match stop.run_until_cancelled(lead::connect(config)).await {
        None => return Ok(()),
        Some(session) => session?,
    };
    stats.connected("database");
    stats.database.store(true, Relaxed);
    if once.is_some() && !database::try_lead(&session.client).await? {
        return Err(Error::Unfit(
            "a relay of this office is running, and sends and fetches by itself".into(),
        ));
    }
    if lead::lead(&session, stop).await?.is_none() {
        return Ok(());
    }
    if config.join {
        ask_to_join(&session).await?;
    }
    stats.leading.store(true, Relaxed);
    *has_led = true;
    backoff.reset();
    tracing::info!(
        office = session.office.name,
        role = ?session.office.role,
        incarnation = session.office.incarnation,
        extension = session.office.extension_version,
        relay = env!("CARGO_PKG_VERSION"),
        "leading"
    );
    work(around, session).await
}

/// Before the first hello, which says it to the head.
async fn ask_to_join(session: &Session) -> Result<()> {
    let asked = database::join(&session.client).await;
    let state = asked.map_err(lead::unfit)?;
    tracing::info!(office = session.office.name, state, "joining the head");
    Ok(())
}

/// Starts the tasks of a session and waits for the first to end, or for the order to stop.
async fn work(around: &Around<'_>, session: Session) -> Result<()> {
    let Around {
        config,
        stats,
        stop,
        once,
        metrics,
        known,
    } = *around;
    let session_stop = stop.child_token();
    let pool = database::pool(config)?;
    metrics.read_from(pool.clone());
    let office = Arc::new(session.office.clone());
    let positions = Arc::new(Positions::default());
    let wakers = Arc::clone(&session.wakers);
    let recheck = Arc::new(Notify::new());
    let (commands, commands_in) = mpsc::channel(QUEUE);
    let (events, events_in) = mpsc::channel(QUEUE);
    let shared = Shared {
        office: Arc::clone(&office),
        applier: Applier::new(
            pool.clone(),
            config,
            Arc::clone(stats),
            session_stop.clone(),
        ),
        stats: Arc::clone(stats),
        positions: Arc::clone(&positions),
        commands,
        events: events.clone(),
        moved: Arc::new(Notify::new()),
        recheck: Arc::clone(&recheck),
        stop: session_stop.clone(),
    };
    crate::inbox::load_positions(&shared).await?;
    let watch = Watch::new(pool.clone(), recheck, Arc::clone(stats), Arc::clone(known));
    let (keeper, gate) =
        Keeper::new(pool.clone(), config.window.clone(), Arc::clone(&wakers)).await?;
    let steps_pool = pool.clone();
    let around = Surroundings {
        config: Arc::clone(config),
        office: Arc::clone(&office),
        pool: pool.clone(),
        gate: gate.clone(),
        stats: Arc::clone(stats),
        positions,
        events,
    };
    let outbox = Outbox::new(around, session, commands_in, session_stop.clone()).await?;
    let control = ControlTask::new(shared.clone(), events_in);
    let inbox = Inbox::new(Arc::clone(config), shared, wakers, gate);

    let mut tasks: JoinSet<Result<()>> = JoinSet::new();
    tasks.spawn(outbox.run());
    tasks.spawn(inbox.run());
    tasks.spawn(async move {
        control.run().await;
        Ok(())
    });
    let (told, name, until) = (Arc::clone(stats), office.name.clone(), session_stop.clone());
    tasks.spawn(async move {
        stats::report(&told, &name, &until).await;
        Ok(())
    });
    if office.role == Role::Branch {
        let (pool, until) = (steps_pool, session_stop.clone());
        tasks.spawn(async move {
            crate::join::steps::run(pool, until).await;
            Ok(())
        });
    }
    let until = session_stop.clone();
    tasks.spawn(async move {
        watch.run(&until).await;
        Ok(())
    });
    let until = session_stop.clone();
    tasks.spawn(async move {
        keeper.run(&until).await;
        Ok(())
    });
    if let (Some(every), Role::Head) = (config.verify_interval, office.role) {
        let (pool, until) = (pool.clone(), session_stop.clone());
        tasks.spawn(async move {
            let watching = verify::in_background(pool, every);
            until.run_until_cancelled(watching).await.unwrap_or(Ok(()))
        });
    }
    if let Some(once) = once.cloned() {
        let (config, stats, stop) = (Arc::clone(config), Arc::clone(stats), stop.clone());
        let until = session_stop.clone();
        tasks.spawn(async move {
            let watching = once.watch(&config, &office, &pool, &stats, &stop);
            until.run_until_cancelled(watching).await.unwrap_or(Ok(()))
        });
    }
    let ended = supervise(&mut tasks, stop, &session_stop, config.shutdown_grace).await;
    stats.set_publishing(false);
    stats.set_consuming(false);
    ended
}

async fn supervise(
    tasks: &mut JoinSet<Result<()>>,
    stop: &CancellationToken,
    session_stop: &CancellationToken,
    grace: Duration,
) -> Result<()> {
    let first = tasks.join_next().await;
    session_stop.cancel();
    let result = match first {
        Some(Ok(Err(error))) => Err(error),
        Some(Ok(Ok(()))) if stop.is_cancelled() => Ok(()),
        _ => Err(Error::Task("session")),
    };
    // After a failure there is nothing to wait for long: what is in hand is repeated anyway.
    let patience = if result.is_ok() {
        grace
    } else {
        grace.min(Duration::from_secs(2))
    };
    let rest = async {
        let mut result = result;
        while let Some(ended) = tasks.join_next().await {
            if let (Ok(Err(error)), true) = (ended, result.is_ok()) {
                result = Err(error);
            }
        }
        result
    };
    let ended = tokio::time::timeout(patience, rest).await;
    tasks.abort_all();
    match ended {
        Ok(result) => result,
        Err(_) => {
            tracing::warn!("not everything could be finished in time; it will be repeated");
            Err(Error::GraceOver)
        }
    }
}

/// SIGTERM and SIGINT ask to stop; a second one ends the process at once.
fn stop_on_signal(stop: CancellationToken) -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |error: std::io::Error| Error::Setup {
        what: "signals".into(),
        problem: error.to_string(),
    };
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        next().await;
        tracing::info!("asked to stop; finishing the work in hand");
        stop.cancel();
        next().await;
        std::process::exit(130);
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_at_the_first_start_an_operators_mistake_ends_the_process() {
        let unfit = || Error::Unfit("a standby".into());
        assert!(may_not_retry(&unfit(), false));
        assert!(!may_not_retry(&unfit(), true));
        assert!(!may_not_retry(&Error::SessionLost, false));
        assert!(!may_not_retry(&Error::BrokerTimeout, false));
    }
}
