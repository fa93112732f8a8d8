//! `join`: a branch with an empty database gets the head's tables, and their rows.
//!
//! The relay works as it does with `run`; what it asks for, and how far that is, stands in the database, so it
//! may end at any moment and go on later, also with `run`. [`progress`] shows how far it is, [`steps`] makes the
//! indexes and constraints when all rows are there.

mod progress;
pub(crate) mod steps;

use std::process::ExitCode;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::error::Result;
use crate::run;

/// Works until the branch has joined (exit code 0), or until told to stop (1).
pub(crate) async fn join(mut config: Config) -> Result<ExitCode> {
    config.join = true;
    let config = Arc::new(config);
    let stop = CancellationToken::new();
    let shown = tokio::spawn(progress::show(Arc::clone(&config), stop.clone()));
    let ended = run::run(config, stop.clone(), None).await;
    stop.cancel();
    let joined = shown.await.unwrap_or(false);
    ended?;
    if joined {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("officesync-relay: the branch has not joined yet; run join, or run, to go on");
    Ok(ExitCode::FAILURE)
}
