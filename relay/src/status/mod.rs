//! `officesync-relay status`: what this office's database knows of it, for a person or a program.
//!
//! Invariant: reads one SQL function and nothing else, so it needs no broker and no relay, and says the same
//! as `/metrics` and the views.

pub(crate) mod document;
mod rates;
mod table;
mod units;

use std::path::Path;
use std::time::Duration;

use clap::Args;

use self::document::Status;
use self::rates::Rates;
use crate::config::{self, Database};
use crate::error::{Policy, Result};
use crate::output::{Closed, print};

/// How to show it.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// As one JSON object (with --watch one a line)
    #[arg(long)]
    json: bool,
    /// Again every so many seconds, until interrupted
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2",
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    watch: Option<u64>,
    /// Measure the rates for so many seconds first; 0: show none
    #[arg(long, value_name = "SECONDS", default_value_t = 1,
          value_parser = clap::value_parser!(u64).range(0..=3_600))]
    rates: u64,
}

/// Shows the status once, or until nobody reads it any more.
pub(crate) async fn run(options: &Show, file: Option<&Path>) -> Result<()> {
    let server = config::database(file)?;
    tokio::select! {
        done = show(options, &server) => done,
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

async fn show(options: &Show, server: &Database) -> Result<()> {
    let (mut client, _wakers) = crate::lead::open(server).await?;
    let mut before = Status::read(&client).await?;
    let mut pause = Duration::from_secs(options.rates);
    loop {
        let mut now = before.clone();
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
            now = match Status::read(&client).await {
                Ok(now) => now,
                Err(error) if options.watch.is_some() && error.kind().policy() == Policy::Retry => {
                    eprintln!("officesync-relay: {error}; trying again");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    if let Ok((again, _)) = crate::lead::open(server).await {
                        client = again;
                    }
                    continue;
                }
                Err(error) => return Err(error),
            };
        }
        let rates = Rates::between(&before, &now);
        if print(&text(options, &now, rates.as_ref())) == Err(Closed) {
            return Ok(());
        }
        let Some(seconds) = options.watch else {
            return Ok(());
        };
        pause = Duration::from_secs(seconds);
        before = now;
    }
}

fn text(options: &Show, status: &Status, rates: Option<&Rates>) -> String {
    use std::io::IsTerminal as _;
    if options.json {
        return json(status, rates);
    }
    let table = table::render(status, rates);
    // A screen of its own each time on a terminal; elsewhere one text after another.
    match options.watch {
        Some(_) if std::io::stdout().is_terminal() => format!("\x1b[2J\x1b[H{table}"),
        Some(_) => format!("{table}\n"),
        None => table,
    }
}

/// What the database says, and the rates beside it: null where they were not measured.
#[derive(serde::Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    status: &'a Status,
    rates: Option<&'a Rates>,
}

fn json(status: &Status, rates: Option<&Rates>) -> String {
    let document = Document { status, rates };
    // A structure of texts and numbers can always be written.
    let mut text = serde_json::to_string(&document).unwrap_or_default();
    text.push('\n');
    text
}
