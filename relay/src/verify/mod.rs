//! `officesync-relay verify`: asks the head to compare branches with it, and prints what it found.
//!
//! The work is done by the head's running relay, between its ticks; this only asks and waits. So it may be
//! interrupted at any time: the comparison goes on, and `--report` shows it later.

mod report;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use deadpool_postgres::Pool;

use self::report::Report;
use crate::config::Config;
use crate::database::{self, Client};
use crate::error::{Error, Result};
use crate::lead;

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Nothing has come from an office for so long: it can't be compared now.
const EXIT_SILENT: u8 = 4;

/// What `verify` is told.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) options: crate::Options,
    /// Only this branch
    #[arg(long)]
    office: Option<String>,
    /// Only this table
    #[arg(long)]
    table: Option<String>,
    /// Send the rows that differ again from the head
    #[arg(long, conflicts_with = "adopt")]
    repair: bool,
    /// Let a branch that joined with rows of its own send what the head has not; the conflict policies decide on
    /// rows that differ. Run it without --adopt first to see what that would be
    #[arg(long)]
    adopt: bool,
    /// How the report is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// The same as --format json
    #[arg(long)]
    json: bool,
    /// Show these comparisons instead of beginning new ones
    #[arg(long, value_name = "NUMBER", num_args = 1..)]
    report: Vec<i64>,
    /// Give up when nothing has moved for so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    patience: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Runs it: 0 where all is equal or repaired, 1 where rows differ or could not be compared.
pub(crate) async fn verify(config: &Config, arguments: &Arguments) -> Result<ExitCode> {
    let (client, _wakers) = lead::open(&config.database).await?;
    let mode = match (arguments.repair, arguments.adopt) {
        (true, _) => "repair",
        (_, true) => "adopt",
        _ => "report",
    };
    let numbers = if arguments.report.is_empty() {
        let (office, table) = (arguments.office.as_deref(), arguments.table.as_deref());
        database::verify(&client, office, table, mode)
            .await
            .map_err(refused)?
    } else {
        arguments.report.clone()
    };
    let report = wait(&client, &numbers, arguments).await?;
    let json = arguments.json || arguments.format == Format::Json;
    let text = if json {
        report.json().to_owned()
    } else {
        report.to_string()
    };
    // A reader that has gone away is no error.
    let _ = writeln!(std::io::stdout(), "{text}");
    if !report.finished {
        eprintln!(
            "officesync-relay: not finished; officesync-relay verify --report {} shows it later",
            numbers
                .iter()
                .map(i64::to_string)
                .collect::<Vec<_>>()
                .join(" ")
        );
        return Ok(ExitCode::from(EXIT_SILENT));
    }
    Ok(match report.is_well() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Has branches compared that were not for so long; runs for ever.
pub(crate) async fn in_background(pool: Pool, every: Duration) -> Result<()> {
    let pause = (every / 10).clamp(Duration::from_secs(1), Duration::from_secs(60));
    loop {
        tokio::time::sleep(pause).await;
        let begun = match pool.get().await {
            Ok(client) => database::verify_in_background(&client, every.as_secs_f64()).await,
            Err(error) => Err(error.into()),
        };
        match begun {
            Ok(0) => {}
            Ok(branches) => tracing::info!(branches, "comparing branches in the background"),
            Err(error) => {
                tracing::warn!(%error, "branches could not be compared in the background")
            }
        }
    }
}

/// Waits until it is finished, or nothing has moved for too long.
async fn wait(client: &Client, numbers: &[i64], arguments: &Arguments) -> Result<Report> {
    let patience = Duration::from_secs(arguments.patience);
    let shows = std::io::stderr().is_terminal();
    let mut moved_at = Instant::now();
    let mut last = None;
    loop {
        let report = Report::read(database::verify_report(client, numbers).await?)?;
        if report.finished || !arguments.report.is_empty() {
            return Ok(report);
        }
        let progress = report.progress();
        if last.as_ref() != Some(&progress) {
            if shows {
                eprintln!("{progress}");
            }
            last = Some(progress);
            moved_at = Instant::now();
        } else if moved_at.elapsed() >= patience {
            return Ok(report);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What the database says of the arguments is for the operator to read, as it stands.
fn refused(error: Error) -> Error {
    let Error::Database(inner) = &error else {
        return error;
    };
    match inner.as_db_error() {
        Some(database) => Error::Unfit(match database.hint() {
            Some(hint) => format!("{}; {hint}", database.message()),
            None => database.message().to_owned(),
        }),
        None => error,
    }
}
