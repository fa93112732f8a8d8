//! `officesync-relay peek`: what waits in the outbox or in a queue, decoded for a person.
//!
//! Invariant: nothing is consumed or changed. Row values are shown, to whoever may already read the outbox or
//! the queue; they go to standard output and never to a log.

mod queue;
mod show;

use std::path::Path;

use clap::{Args, Subcommand};

use crate::error::Result;
use crate::lead::unfit;
use crate::output::{Closed, print};
use crate::{config, database};

/// Where to look.
#[derive(Debug, Args)]
pub(crate) struct Look {
    #[command(subcommand)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum Place {
    /// Transactions of this office that a peer has not acknowledged
    Outbox {
        /// So many transactions
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(i32).range(1..=10_000))]
        transactions: i32,
        /// The newest ones; else the oldest
        #[arg(long)]
        newest: bool,
        #[command(flatten)]
        detail: Detail,
    },
    /// Messages of a queue: got, shown, and put back
    Queue {
        /// officesync.head, or officesync.branch.NAME
        name: String,
        /// So many messages, from the front
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        messages: u32,
        /// Also while a relay consumes the queue: what it gets meanwhile comes out of order, and it asks for
        /// the rest again
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        detail: Detail,
    },
}

/// How much of a line is shown.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Detail {
    /// Rows of one line
    #[arg(long, default_value_t = 20)]
    pub(crate) rows: usize,
    /// Characters of one value
    #[arg(long, default_value_t = 80)]
    pub(crate) width: usize,
}

/// Shows what was asked for.
pub(crate) async fn run(options: &Look, file: Option<&Path>) -> Result<()> {
    tokio::select! {
        done = look(&options.place, file) => done,
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

async fn look(place: &Place, file: Option<&Path>) -> Result<()> {
    match place {
        Place::Outbox {
            transactions,
            newest,
            detail,
        } => outbox(file, *transactions, *newest, *detail).await,
        Place::Queue {
            name,
            messages,
            force,
            detail,
        } => {
            let server = config::broker(file)?;
            let found = queue::look(&server, name, *messages, *force).await?;
            if found.messages.is_empty() {
                say(&[format!("{name} is empty\n")]);
                return Ok(());
            }
            let shown = format!(
                "{name} holds {} messages; these are the first {}\n",
                found.held,
                found.messages.len()
            );
            let texts = found.messages.iter().map(|got| show::message(got, *detail));
            say(&std::iter::once(shown).chain(texts).collect::<Vec<_>>());
            Ok(())
        }
    }
}

async fn outbox(
    file: Option<&Path>,
    transactions: i32,
    newest: bool,
    detail: Detail,
) -> Result<()> {
    let server = config::database(file)?;
    let (client, _wakers) = crate::lead::open(&server).await?;
    let rows = database::peek(&client, transactions, newest)
        .await
        .map_err(unfit)?;
    if rows.is_empty() {
        say(&["nothing waits: every peer has acknowledged all of the outbox\n".to_owned()]);
        return Ok(());
    }
    let texts: Vec<String> = rows.iter().map(|row| show::row(row, detail)).collect();
    say(&texts);
    Ok(())
}

fn say(texts: &[String]) {
    for text in texts {
        if print(text) == Err(Closed) {
            return;
        }
    }
}
