//! Random schemas and statements: whatever users write, every office ends with the same.
//!
//! `FUZZ_SEEDS` says how many seeds (20), `FUZZ_MINUTES` lets them run on until the time is up, `OFFICESYNC_SEED` runs
//! just that one again.

use std::time::{Duration, Instant};

use officesync_e2e::fuzz::run::{self, Tally};
use officesync_e2e::seed::Seed;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_written_every_office_ends_with_the_same() {
    let first = Seed::of_run("fuzz").number();
    let only = std::env::var_os("OFFICESYNC_SEED").is_some();
    let seeds = if only {
        1
    } else {
        setting("FUZZ_SEEDS").unwrap_or(20)
    };
    let until = Instant::now() + Duration::from_secs(60 * setting("FUZZ_MINUTES").unwrap_or(0));
    let company = run::company().await;
    let began = Instant::now();
    let mut all = Tally::default();
    let mut done = 0;
    while done < seeds || (!only && Instant::now() < until) {
        let tally = run::seed(&company, first + done)
            .await
            .unwrap_or_else(|report| panic!("{report}"));
        all.succeeded += tally.succeeded;
        all.failed += tally.failed;
        done += 1;
    }
    println!(
        "{done} seeds in {:.1} s: {} statements succeeded, {} failed",
        began.elapsed().as_secs_f64(),
        all.succeeded,
        all.failed
    );
    assert!(
        all.succeeded > 3 * all.failed,
        "most statements fail, so little is tested"
    );
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}"))
    })
}
