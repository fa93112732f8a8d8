//! `officesync-demo`: a head office and its branches on this machine, to watch (`demo`) or to play with (`up`, `down`).
//!
//! Whatever happens (failure, Ctrl-C), what `demo` or an unfinished `up` started is stopped again.

// The harness panics with the message for the reader; `main` turns that into one line and an exit code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod lag;
mod screen;
mod standing;
mod story;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str =
    "usage: officesync-demo demo             a story of half a minute, with a verdict
       officesync-demo up [BRANCHES]    start a head and branches (2) and leave them running
       officesync-demo down             stop what `up` started";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("an unknown failure");
        eprintln!("\nofficesync-demo: {message}");
    }));
    match arguments.as_slice() {
        ["demo"] => run(story::tell()),
        ["up"] => run(standing::up(2)),
        ["up", count] => match count.parse() {
            Ok(branches @ 1..=8) => run(standing::up(branches)),
            _ => usage("BRANCHES is a number from 1 to 8"),
        },
        ["down"] => standing::down(),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => usage("not a command"),
    }
}

fn usage(problem: &str) -> ExitCode {
    eprintln!("officesync-demo: {problem}\n{USAGE}");
    ExitCode::from(2)
}

/// Runs to the end, or until someone wants it to stop; either way what was started is dropped, and so stopped.
fn run(work: impl Future<Output = bool>) -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            let mut terminate = signal(SignalKind::terminate()).expect("a signal handler");
            tokio::select! {
                good = work => Some(good),
                _ = tokio::signal::ctrl_c() => None,
                _ = terminate.recv() => None,
            }
        })
    }));
    match outcome {
        Ok(Some(true)) => ExitCode::SUCCESS,
        Ok(None) => {
            eprintln!("\nofficesync-demo: interrupted; everything it started is stopped");
            ExitCode::from(130)
        }
        Ok(Some(false)) | Err(_) => ExitCode::FAILURE,
    }
}
