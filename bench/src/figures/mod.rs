//! The measurements, in the order of their numbers. `docs/performance.md` explains each.

mod bulk;
mod bytes;
mod catch_up;
mod end_to_end;
mod fan_out;
mod held;
mod idle;
mod latency;
mod load;
mod memory;
mod small;
mod sustained;
mod thin_link;

use std::fs;
use std::process::Command;
use std::time::Instant;

use officesync_e2e::cluster::pg_config;
use officesync_e2e::process::run;
use serde_json::{Value, json};

use crate::options::{self, Options};
use crate::report::{self, Figure};

/// How many there are.
pub(crate) const COUNT: u32 = 13;

const TITLES: [&str; COUNT as usize] = [
    "Bulk capture",
    "Small transactions",
    "End to end",
    "Sustained rate",
    "Latency on an idle system",
    "Bytes on the wire",
    "Memory in a big transaction",
    "The head's cost by the number of branches",
    "Idle cost",
    "Catching up after an outage",
    "Draining while a snapshot is held",
    "A thin link",
    "Initial load",
];

/// The numbers and titles, for the help.
pub(crate) fn list() -> String {
    let line = |(index, title): (usize, &&str)| format!("  {:>2}  {title}", index + 1);
    let lines: Vec<String> = TITLES.iter().enumerate().map(line).collect();
    format!("figures:\n{}", lines.join("\n"))
}

/// Measures what is wanted, one after another, and publishes each as soon as it is there.
pub(crate) async fn measure(options: &Options) {
    for directory in [options::results(), options.plots.clone()] {
        fs::create_dir_all(&directory)
            .unwrap_or_else(|error| panic!("cannot make {}: {error}", directory.display()));
    }
    let machine = machine();
    println!("{}", machine["line"].as_str().unwrap_or_default());
    for number in (1..=COUNT).filter(|&number| options.wants(number)) {
        let began = Instant::now();
        eprintln!("{number}. {} ...", TITLES[number as usize - 1]);
        let figure = one(number, options).await;
        eprintln!("   took {} s", began.elapsed().as_secs());
        figure.publish(&machine);
    }
    if let Some(page) = &options.page {
        report::page(page);
    }
    println!("\nStored in {}", options::results().display());
}

async fn one(number: u32, options: &Options) -> Figure {
    let mut figure = Figure {
        number,
        title: TITLES[number as usize - 1].to_owned(),
        base: "",
        lines: Vec::new(),
        notes: Vec::new(),
    };
    match number {
        1 => bulk::measure(options, &mut figure).await,
        2 => small::measure(options, &mut figure).await,
        3 => end_to_end::measure(options, &mut figure).await,
        4 => sustained::measure(options, &mut figure).await,
        5 => latency::measure(options, &mut figure).await,
        6 => bytes::measure(options, &mut figure).await,
        7 => memory::measure(options, &mut figure).await,
        8 => fan_out::measure(options, &mut figure).await,
        9 => idle::measure(options, &mut figure).await,
        10 => catch_up::measure(options, &mut figure).await,
        11 => held::measure(options, &mut figure).await,
        12 => thin_link::measure(options, &mut figure).await,
        13 => load::measure(options, &mut figure).await,
        _ => unreachable!("the options know the numbers"),
    }
    figure
}

/// What it ran on: without that a number says nothing.
fn machine() -> Value {
    let postgres = run(Command::new(pg_config()).arg("--version"));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, name)| name)
        .to_owned();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().unwrap_or("?").to_owned();
    let postgres = postgres.trim();
    json!({
        "line": format!("{cores} cores ({cpu}), {postgres}, fsync on, load before the run {load}"),
        "postgresql": postgres, "cores": cores, "processor": cpu, "load_before": load,
    })
}
