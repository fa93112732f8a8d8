//! pgbench: many small transactions from eight clients.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use officesync_e2e::cluster::pg_config;
use officesync_e2e::directory::Directory;
use officesync_e2e::office::{DATABASE, Office};
use officesync_e2e::process::run;

const CLIENTS: u64 = 8;

/// When it ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// After so many seconds.
    Seconds(u64),
    /// After so many transactions of all clients together (rounded up to a multiple of the clients).
    Transactions(u64),
}

/// What it did.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    pub(crate) transactions: u64,
    pub(crate) per_second: f64,
}

/// Runs `script` at an office with eight clients in two threads; `rate` throttles it to so many transactions a second.
pub(crate) async fn load(
    office: &Office,
    script: &str,
    until: Until,
    rate: Option<f64>,
) -> Outcome {
    let directory = Directory::new("pgbench");
    let file = directory.path().join("script.sql");
    fs::write(&file, script).expect("the script can be written");
    let mut command = Command::new(program());
    command
        .args([
            "-n",
            "-M",
            "prepared",
            "-j",
            "2",
            "-h",
            "127.0.0.1",
            "-U",
            "postgres",
        ])
        .args(["-c", &CLIENTS.to_string()])
        .args(["-p", &office.cluster.port().to_string()])
        .arg("-f")
        .arg(&file);
    match until {
        Until::Seconds(seconds) => command.args(["-T", &seconds.to_string()]),
        Until::Transactions(count) => command.args(["-t", &count.div_ceil(CLIENTS).to_string()]),
    };
    if let Some(rate) = rate {
        command.args(["--rate", &format!("{rate:.1}")]);
    }
    command.arg(DATABASE);
    let said = tokio::task::spawn_blocking(move || run(&mut command))
        .await
        .expect("pgbench ran");
    drop(directory);
    Outcome {
        transactions: after(&said, "number of transactions actually processed: ") as u64,
        per_second: after(&said, "tps = "),
    }
}

/// The number behind a label.
fn after(text: &str, label: &str) -> f64 {
    text.lines()
        .find_map(|line| line.strip_prefix(label))
        .and_then(|rest| {
            let end = rest
                .find(|letter: char| letter != '.' && !letter.is_ascii_digit())
                .unwrap_or(rest.len());
            rest[..end].parse().ok()
        })
        .unwrap_or_else(|| panic!("pgbench did not say {label:?}:\n{text}"))
}

/// The one that belongs to the server, where it is there.
fn program() -> PathBuf {
    let bin = run(Command::new(pg_config()).arg("--bindir"));
    let own = Path::new(bin.trim()).join("pgbench");
    if own.exists() {
        own
    } else {
        PathBuf::from("pgbench")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_numbers_are_found() {
        let said = "scaling factor: 1\nnumber of transactions actually processed: 800/800\n\
                    tps = 5123.75 (without initial connection time)\n";
        assert_eq!(
            after(said, "number of transactions actually processed: "),
            800.0
        );
        assert_eq!(after(said, "tps = "), 5123.75);
    }
}
