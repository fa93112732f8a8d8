//! The whole protocol of conflicts as a model: offices that write while they are cut off, links that come
//! and go, clocks that are wrong. At the end all are the same and every write is accounted for.
//!
//! `CONVERGENCE_SEEDS` is the number of runs (default 20 000), `OFFICESYNC_SEED` runs one, with its trace.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking, and counts less than usize::MAX"
)]

mod audit;
mod branch;
mod broken;
mod decide;
mod head;
mod log;
mod run;
mod scenarios;
#[path = "../story/mod.rs"]
mod story;
mod table;
mod unseen;
mod world;

use officesync_wire::merge::Kind;
use std::collections::BTreeMap;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn all_offices_end_the_same_and_every_write_is_accounted_for() {
    let seeds = match number("OFFICESYNC_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("CONVERGENCE_SEEDS").unwrap_or(20_000),
    };
    let mut kinds: BTreeMap<Kind, u32> = BTreeMap::new();
    for seed in seeds {
        let Ok(audit) = run::run(seed, None) else {
            panic!("{}", run::explain(seed, None));
        };
        for conflict in audit.ledger {
            *kinds.entry(conflict.kind).or_default() += 1;
        }
    }
    println!("conflicts: {kinds:?}");
}

/// The model has to be able to fail: with any one of the rules broken some seed does.
#[test]
fn every_rule_is_needed() {
    for rule in broken::ALL {
        let wrong = (0..5_000).find_map(|seed| run::run(seed, Some(rule)).err());
        match wrong {
            Some(wrong) => println!("{rule:?}: {}", wrong.trim_end()),
            None => panic!("{rule:?} is broken and nothing is seen of it"),
        }
    }
}
