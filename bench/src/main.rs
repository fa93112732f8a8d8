//! `officesync-bench`: what officesync costs and how fast it is, against its peers, on this machine, in one run.
//!
//! It starts its own clusters, broker and relays on free ports in a private directory, and stops them again however
//! it ends. Absolute numbers belong to the machine; what counts is the ratio between two things measured in turns.
//!
//! From the small to the whole: [`sample`] is a handful of measured values, [`report`] prints and stores them,
//! [`plot`] draws them; [`sales`] is the table everything is measured with, [`ground`] the offices, [`logical`]
//! PostgreSQL's own replication between the same clusters, [`pgbench`] and [`procfs`] the instruments; [`figures`]
//! are the measurements.

// The harness panics with the message for the reader; `main` turns that into one line and an exit code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod figures;
mod ground;
mod logical;
mod options;
mod pgbench;
mod plot;
mod procfs;
mod report;
mod sales;
mod sample;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use options::Options;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments
        .iter()
        .any(|argument| matches!(argument.as_str(), "help" | "--help" | "-h"))
    {
        println!("{}\n\n{}", options::USAGE, figures::list());
        return ExitCode::SUCCESS;
    }
    let options = match Options::parse(&arguments) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("officesync-bench: {problem}\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("an unknown failure");
        eprintln!("\nofficesync-bench: {message}");
    }));
    run(&options)
}

/// Runs to the end, or until someone wants it to stop; either way what was started is dropped, and so stopped.
fn run(options: &Options) -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            let mut terminate = signal(SignalKind::terminate()).expect("a signal handler");
            tokio::select! {
                () = figures::measure(options) => true,
                _ = tokio::signal::ctrl_c() => false,
                _ = terminate.recv() => false,
            }
        })
    }));
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("\nofficesync-bench: interrupted; everything it started is stopped");
            // The reaper ends the shared broker; a thread that waits for pgbench shall not hold us up.
            std::process::exit(130);
        }
        Err(_) => ExitCode::FAILURE,
    }
}
