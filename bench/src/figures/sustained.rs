//! Figure 4, Sustained rate: the most small transactions a second at which the other office stays less than a second behind.

use officesync_e2e::company::Company;

use crate::ground::{self, Mark};
use crate::options::Options;
use crate::pgbench::{self, Until};
use crate::plot::{self, Lines};
use crate::report::{Figure, Law, Line};
use crate::{logical, sales};

/// How long each rate is held.
const STEP_SECONDS: u64 = 6;
const MOST_LAG: f64 = 1.0;
/// Rates that are tried when the writers, without a limit, were too fast for the other office.
const TRIES: usize = 3;
/// Below this share of the wished rate the writers themselves could not keep up.
const WRITTEN: f64 = 0.95;

/// One rate that was tried: transactions a second that were written, and the seconds of lag at its end.
#[derive(Debug, Clone, Copy)]
struct Step {
    written: f64,
    lag: f64,
}

/// What one search found.
#[derive(Debug)]
struct Found {
    /// The highest rate that held.
    held: f64,
    /// Whether the writers had no limit at it.
    unlimited: bool,
    steps: Vec<Step>,
}

pub(super) async fn measure(options: &Options, figure: &mut Figure) {
    figure.title =
        format!("Sustained rate: small transactions a second with less than {MOST_LAG} s of lag");
    figure.base = "logical replication";
    let schema = format!(
        "{} {}",
        ground::marked_table("ours"),
        ground::marked_table("theirs")
    );
    let company = ground::pair(&schema, &["ours", "ours_mark"]).await;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..options.rounds {
        let shares: &[f64] = if round == 0 { &[0.25, 0.5, 0.75] } else { &[] };
        for rival in [round % 2, (round + 1) % 2] {
            let found = search(&company, rival == 0, shares).await;
            if rival == 0 { &mut ours } else { &mut theirs }.push(found);
        }
    }
    let held = |all: &[Found]| -> Vec<f64> { all.iter().map(|found| found.held).collect() };
    for (what, all) in [("logical replication", &theirs), ("officesync", &ours)] {
        let mut line = Line::new(what, "/s", &held(all));
        if what == "officesync" {
            line = line
                .against(&held(&ours), &held(&theirs))
                .law(Law::RatioAtLeast(1.0));
        }
        figure.lines.push(line);
        let unlimited = all.iter().filter(|found| found.unlimited).count();
        if unlimited > 0 {
            figure.notes.push(format!(
                "{what}: in {unlimited} of {} rounds the eight writers, as fast as they could, were the limit, not the lag",
                all.len()
            ));
        }
    }
    figure.notes.push(format!(
        "each rate held for {STEP_SECONDS} s; writers, both offices and the broker share this machine"
    ));
    let points = |all: &[Found]| {
        let mut points: Vec<(f64, f64)> = all
            .iter()
            .flat_map(|found| &found.steps)
            .map(|step| (step.written, step.lag))
            .collect();
        points.sort_by(|left, right| left.0.total_cmp(&right.0));
        points
    };
    plot::lines(
        &options.plots.join("sustained.svg"),
        &Lines {
            title: &figure.title,
            across: "transactions a second",
            up: "lag at the end, seconds",
            series: &[
                ("officesync", points(&ours)),
                ("logical replication", points(&theirs)),
            ],
        },
    );
}

/// Starts with all the writers can do, then tries rates between what held and what did not.
///
/// `shares` of the first rate are tried where that held.
async fn search(company: &Company, ours: bool, shares: &[f64]) -> Found {
    let table = if ours { "ours" } else { "theirs" };
    let (head, branch) = (company.head(), company.office(1));
    if !ours {
        let tables = ["theirs", "theirs_mark"];
        logical::begin(head, branch, &tables, head.cluster.port()).await;
    }
    let mut mark = Mark::place(head, branch, table).await;
    head.run(&sales::delete(table)).await;
    mark.carry(&sales::stock(table, sales::STOCK)).await;
    company.everywhere(&format!("VACUUM ANALYZE {table}")).await;
    let mut found = Found {
        held: 0.0,
        unlimited: false,
        steps: Vec::new(),
    };
    // Without a limit first: where even that holds, there is nothing to search.
    let step = hold(company, &mut mark, table, None).await;
    found.steps.push(step);
    if step.lag < MOST_LAG {
        found.held = step.written;
        found.unlimited = true;
        // Lower rates hold as well; they are for the picture.
        for share in shares {
            let wish = Some(step.written * share);
            found
                .steps
                .push(hold(company, &mut mark, table, wish).await);
        }
    } else {
        // What was written in the step took that much longer to arrive: so much less would have held.
        let seconds = STEP_SECONDS as f64;
        let mut failed = step.written;
        let mut wish = step.written * seconds / (seconds + step.lag);
        for _ in 0..TRIES {
            let step = hold(company, &mut mark, table, Some(wish)).await;
            found.steps.push(step);
            if step.lag < MOST_LAG {
                found.held = found.held.max(step.written);
            }
            if step.lag >= MOST_LAG || step.written < wish * WRITTEN {
                failed = failed.min(wish);
            }
            wish = f64::midpoint(found.held, failed);
        }
    }
    ground::same(head, branch, table).await;
    if ours {
        ground::settle(company).await;
    } else {
        logical::end(head, branch).await;
    }
    found
}

/// Writes at a rate, and asks at its end how long the other office needs to catch up.
async fn hold(company: &Company, mark: &mut Mark, table: &str, rate: Option<f64>) -> Step {
    let script = sales::small(table, sales::STOCK);
    let until = Until::Seconds(STEP_SECONDS);
    let outcome = pgbench::load(company.head(), &script, until, rate).await;
    let lag = mark.pass().await;
    Step {
        written: outcome.per_second,
        lag,
    }
}
