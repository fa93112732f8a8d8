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
mod gate;
mod health;
mod inbox;
mod join;
mod lead;
mod log;
mod message;
mod outbox;
mod output;
mod peek;
mod run;
mod stats;
mod status;
mod sync;
mod tls;
mod verify;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, CommandFactory as _, Parser, Subcommand};
use tokio_util::sync::CancellationToken;

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
    /// Join as a branch with an empty database: get the head's tables and their rows; exit 0 when all is there.
    /// It may be ended at any moment; join and run go on where it was.
    #[command(after_help = config::help())]
    Join(Options),
    /// Test the configuration, the database and the broker; exit 0 when all is well, else 1.
    #[command(after_help = config::help())]
    Check(Options),
    /// Show where this office stands: link, lag, backlog, peers, lanes, conflicts.
    #[command(after_help = STATUS_HELP)]
    Status {
        #[command(flatten)]
        options: Options,
        #[command(flatten)]
        show: status::Show,
    },
    /// Show what waits in the outbox or in a queue, row by row, without consuming it.
    Peek {
        #[command(flatten)]
        options: Options,
        #[command(flatten)]
        show: peek::Look,
    },
    /// Ask the relay beside this one for its health; exit 0 when it is well, else 1.
    Healthy {
        #[command(flatten)]
        options: Options,
        #[command(flatten)]
        ask: health::probe::Ask,
    },
    /// Print a completion script for a shell.
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
    /// Send and fetch all there is now, print a summary and end.
    #[command(after_help = config::help())]
    Sync(sync::Arguments),
    /// At the head, compare branches with it while everyone works on; exit 0 when they are equal, else 1.
    #[command(after_help = config::help())]
    Verify(verify::Arguments),
}

const STATUS_HELP: &str = "Needs DATABASE_URL only, of any role with officesync.grant_monitor() or pg_monitor. \
Exit codes: 0 shown, 1 the database could not be asked, 2 wrong configuration, 3 not an officesync database or no right to it.";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// TOML file with settings; the environment wins over it
    #[arg(long, env = "OFFICESYNC_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
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
    tls::install_provider();
    match command {
        Command::Run(options) => {
            let config = configured(options)?;
            work(run::run(Arc::new(config), CancellationToken::new(), None))
                .map(|()| ExitCode::SUCCESS)
        }
        Command::Join(options) => {
            let config = configured(options)?;
            work(join::join(config))
        }
        Command::Check(options) => {
            let config = configured(options)?;
            work(async { Ok(exit_code(check::check(&config).await)) })
        }
        Command::Sync(arguments) => {
            let config = configured(&arguments.options)?;
            work(sync::sync(config, arguments))
        }
        Command::Verify(arguments) => {
            let config = configured(&arguments.options)?;
            work(verify::verify(&config, arguments))
        }
        Command::Status { options, show } => {
            let file = options.config.as_deref();
            work(status::run(show, file)).map(|()| ExitCode::SUCCESS)
        }
        Command::Peek { options, show } => {
            let file = options.config.as_deref();
            work(peek::run(show, file)).map(|()| ExitCode::SUCCESS)
        }
        Command::Healthy { options, ask } => {
            work(health::probe::run(ask, options.config.as_deref())).map(exit_code)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            let mut command = Cli::command();
            clap_complete::generate(*shell, &mut command, env!("CARGO_PKG_NAME"), &mut script);
            let _ = output::print(&String::from_utf8_lossy(&script));
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn exit_code(well: bool) -> ExitCode {
    if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The whole configuration, and the log as it says.
fn configured(options: &Options) -> Result<Config> {
    let config = Config::load(options.config.as_deref())?;
    log::start(&config.log, config.log_format)?;
    Ok(config)
}

/// Runs to the end.
fn work<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    // A thin pipe needs one pair of hands; the databases' machine has better use for its cores, and what one task tells
    // another need not wake another core (a quarter of a millisecond between two idle offices).
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Error::Setup {
            what: "runtime".into(),
            problem: error.to_string(),
        })?;
    runtime.block_on(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
