//! `officesync-relay`: carries the changes of one office between its PostgreSQL and RabbitMQ.
//!
//! In the order of a change's journey: [`outbox`] ticks, drains, publishes and settles; [`broker`] is
//! RabbitMQ; [`inbox`] consumes, applies and settles. [`lead`] holds the one session that may work, and
//! [`run`] supervises. The relay is a thin pipe: what decides, decides in the database.

mod backoff;
mod broker;
mod check;
mod config;
mod database;
mod error;
mod faults;
mod health;
mod inbox;
mod lead;
mod log;
mod message;
mod outbox;
mod run;
mod stats;
mod tls;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::Config;
use crate::error::{Error, Result};

/// Carries the changes of one office between its PostgreSQL and RabbitMQ.
#[derive(Debug, Parser)]
#[command(version, after_long_help = config::help())]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Work until SIGTERM: publish this office's changes and apply those of the others.
    #[command(after_help = config::help())]
    Run(Options),
    /// Test the configuration, the database and the broker; exit 0 when all is well, else 1.
    #[command(after_help = config::help())]
    Check(Options),
}

#[derive(Debug, Args)]
struct Options {
    /// TOML file with settings; the environment wins over it
    #[arg(long, env = "OFFICESYNC_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    #[cfg(feature = "failpoints")]
    let _failpoints = fail::FailScenario::setup();
    match start(&cli.command) {
        Ok(code) => code,
        Err(error) => {
            // The one line an operator reads; the log may not be set up yet.
            eprintln!("officesync-relay: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn start(command: &Command) -> Result<ExitCode> {
    let (Command::Run(options) | Command::Check(options)) = command;
    let config = Config::load(options.config.as_deref())?;
    log::start(&config.log, config.log_format)?;
    tls::install_provider();
    // A thin pipe needs few hands; the databases' machine has better use for its cores.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Error::Setup {
            what: "runtime".into(),
            problem: error.to_string(),
        })?;
    match command {
        Command::Run(_) => runtime
            .block_on(run::run(config))
            .map(|()| ExitCode::SUCCESS),
        Command::Check(_) => Ok(if runtime.block_on(check::check(&config)) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }),
    }
}
