//! What was done, for the reader of a failure.

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::directory;

/// How many of the last lines a failure shows.
const SHOWN: usize = 60;

/// The statements of a seed in the order of their ends, and how many succeeded.
#[derive(Debug, Default)]
pub(super) struct Journal {
    lines: Mutex<Vec<String>>,
    succeeded: AtomicU64,
    failed: AtomicU64,
}

impl Journal {
    /// A line of no consequence.
    pub(super) fn note(&self, office: &str, text: &str) {
        self.lines
            .lock()
            .expect("nobody panics with it")
            .push(format!("{office}: {text};"));
    }

    /// A statement and how it went.
    pub(super) fn enter(&self, office: &str, text: &str, outcome: &Result<(), String>) {
        match outcome {
            Ok(()) => {
                self.succeeded.fetch_add(1, Ordering::Relaxed);
                self.note(office, text);
            }
            Err(error) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                self.note(office, &format!("{text}; -- {error}"));
            }
        }
    }

    /// How many statements succeeded and how many failed.
    pub(super) fn tally(&self) -> (u64, u64) {
        (
            self.succeeded.load(Ordering::Relaxed),
            self.failed.load(Ordering::Relaxed),
        )
    }

    /// The last lines.
    pub(super) fn tail(&self) -> String {
        let lines = self.lines.lock().expect("nobody panics with it");
        lines[lines.len().saturating_sub(SHOWN)..].join("\n")
    }

    /// Everything, into a file of the run's directory, which stays; gives its path.
    pub(super) fn keep(&self, name: &str) -> String {
        let path = directory::run_directory().join(format!("{name}.sql"));
        let lines = self.lines.lock().expect("nobody panics with it");
        fs::write(&path, lines.join("\n")).expect("the run's directory can be written");
        directory::keep();
        path.display().to_string()
    }
}
