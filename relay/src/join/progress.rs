//! How far a join is, in lines; on a terminal in one line that changes.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::database::{self, Client, LoadProgress};
use crate::error::Result;
use crate::lead;

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Lines are this far apart; on a terminal it is each look.
const LOOKS_A_LINE: u32 = 10;
const BAR_CELLS: u64 = 24;

/// Shows the progress until the branch has joined, and then tells the relay to stop. Whether it has.
pub(super) async fn show(config: Arc<Config>, stop: CancellationToken) -> bool {
    let mut session: Option<Client> = None;
    let mut told = Told::new(std::io::stdout().is_terminal());
    while !stop.is_cancelled() {
        match look(&config, &mut session).await {
            Ok(Some(progress)) => {
                told.tell(&progress);
                if progress.state == "done" {
                    stop.cancel();
                    return true;
                }
            }
            Ok(None) => {}
            // What is wrong with the database the relay says in its log.
            Err(_) => session = None,
        }
        stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY))
            .await;
    }
    told.end();
    false
}

async fn look(config: &Config, session: &mut Option<Client>) -> Result<Option<LoadProgress>> {
    let client = match session {
        Some(client) => client,
        None => session.insert(lead::open(&config.database).await?.0),
    };
    database::load_progress(client).await
}

struct Told {
    on_terminal: bool,
    looks: u32,
    state: String,
    error: Option<String>,
}

impl Told {
    fn new(on_terminal: bool) -> Self {
        Self {
            on_terminal,
            looks: 0,
            state: String::new(),
            error: None,
        }
    }

    fn tell(&mut self, progress: &LoadProgress) {
        let is_new = progress.state != self.state || progress.error != self.error;
        let is_due = self.on_terminal || self.looks.is_multiple_of(LOOKS_A_LINE);
        self.looks += 1;
        if !is_new && !is_due {
            return;
        }
        self.state.clone_from(&progress.state);
        self.error.clone_from(&progress.error);
        let line = line(progress);
        // A pipe that is closed is no reason to stop.
        let mut out = std::io::stdout().lock();
        let _ = if self.on_terminal {
            let end = if progress.state == "done" { "\n" } else { "" };
            write!(out, "\r\x1b[K{} {line}{end}", bar(progress))
        } else {
            writeln!(out, "{line}")
        };
        let _ = out.flush();
    }

    fn end(&self) {
        if self.on_terminal && !self.state.is_empty() {
            println!();
        }
    }
}

/// `rows: 12000 of about 200000 rows, 1.4 MB, 24000 rows/s, about 8 s left`
fn line(progress: &LoadProgress) -> String {
    let mut line = match progress.state.as_str() {
        "asked" => "asked the head for its tables".to_owned(),
        "rows" => rows(progress),
        "after rows" => format!(
            "all {} rows are here; {} indexes and constraints to make",
            progress.rows, progress.steps_left
        ),
        _ => format!(
            "joined: {} rows, {}",
            progress.rows,
            megabytes(progress.bytes)
        ),
    };
    if let Some(error) = &progress.error {
        line.push_str("; waits: ");
        line.push_str(error);
    }
    line
}

fn rows(progress: &LoadProgress) -> String {
    let mut line = format!(
        "{} of about {} rows, {}",
        progress.rows,
        progress.estimated_rows.max(progress.rows),
        megabytes(progress.bytes)
    );
    if let Some(rate) = progress.rate {
        line.push_str(&format!(", {rate} rows/s"));
    }
    if let Some(seconds) = progress.left_seconds {
        line.push_str(&format!(", about {} left", duration(seconds)));
    }
    line
}

fn megabytes(bytes: i64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
}

fn duration(seconds: i64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    }
}

fn bar(progress: &LoadProgress) -> String {
    let whole = u64::try_from(progress.estimated_rows)
        .unwrap_or_default()
        .max(1);
    let done = u64::try_from(progress.rows).unwrap_or_default().min(whole);
    let full = match progress.state.as_str() {
        "asked" | "rows" => (done * BAR_CELLS / whole) as usize,
        _ => BAR_CELLS as usize,
    };
    format!(
        "[{}{}]",
        "#".repeat(full),
        ".".repeat(BAR_CELLS as usize - full)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(state: &str) -> LoadProgress {
        LoadProgress {
            state: state.into(),
            rows: 50_000,
            estimated_rows: 200_000,
            bytes: 4_321_000,
            estimated_bytes: 20_000_000,
            rate: Some(25_000),
            left_seconds: Some(6),
            steps_left: 3,
            error: None,
        }
    }

    #[test]
    fn a_line_says_rows_bytes_rate_and_time_left() {
        assert_eq!(
            line(&progress("rows")),
            "50000 of about 200000 rows, 4.3 MB, 25000 rows/s, about 6 s left"
        );
        let failed = LoadProgress {
            error: Some("function f() does not exist".into()),
            ..progress("asked")
        };
        assert_eq!(
            line(&failed),
            "asked the head for its tables; waits: function f() does not exist"
        );
        assert_eq!(duration(7_300), "2 h");
    }

    #[test]
    fn the_bar_fills() {
        assert_eq!(bar(&progress("rows")), "[######..................]");
        assert_eq!(bar(&progress("done")), format!("[{}]", "#".repeat(24)));
        let more = LoadProgress {
            rows: 300_000,
            ..progress("rows")
        };
        assert_eq!(bar(&more), format!("[{}]", "#".repeat(24)));
    }
}
