//! Figure 11, Draining while a snapshot is held: a long report (or a backup) at the head keeps PostgreSQL from clearing away
//! what was pruned. That shall not slow the relay.

use std::time::Instant;

use officesync_e2e::company::Company;
use tokio_postgres::Client;

use super::catch_up::published;
use crate::ground::{self, Mark, timed};
use crate::options::Options;
use crate::pgbench::{self, Until};
use crate::report::{Figure, Law, Line, grouped};
use crate::sales;

/// What is drained in one go and timed.
const BURST: u64 = 20_000;

pub(super) async fn measure(options: &Options, figure: &mut Figure) {
    figure.title = format!(
        "Draining {} small transactions after {} others, while a snapshot is held",
        grouped(BURST as i64),
        grouped(options.backlog as i64)
    );
    figure.base = "no snapshot";
    let (mut free, mut held): (Vec<f64>, Vec<f64>) = Default::default();
    for round in 0..options.rounds {
        for turn in [round % 2, (round + 1) % 2] {
            let rate = one(options.backlog, turn == 1).await;
            if turn == 1 { &mut held } else { &mut free }.push(rate);
        }
    }
    figure.lines = vec![
        Line::new("no snapshot", "changes/s", &free),
        Line::new("snapshot held", "changes/s", &held)
            .against(&held, &free)
            .law(Law::RatioAtLeast(0.9)),
    ];
    figure.notes.push(
        "timed: the head's relay from tick to confirm, with the burst written while it was stopped; \
         the bound stands for: a snapshot does not slow the drain"
            .to_owned(),
    );
}

/// Changes drained a second, by a new company.
async fn one(backlog: u64, hold: bool) -> f64 {
    let mut company = ground::pair(&ground::marked_table("ours"), &["ours", "ours_mark"]).await;
    let mut mark = Mark::place(company.head(), company.office(1), "ours").await;
    mark.carry(&sales::stock("ours", sales::STOCK)).await;
    let snapshot = if hold {
        Some(snapshot(&company).await)
    } else {
        None
    };
    let script = sales::small("ours", sales::STOCK);
    let many = Until::Transactions(backlog);
    pgbench::load(company.head(), &script, many, None).await;
    mark.pass().await;
    ground::settle(&company).await;

    // Frozen, not stopped: what is timed is the drain, not a start.
    company.office_mut(0).relay().freeze();
    let until = Until::Transactions(BURST);
    let outcome = pgbench::load(company.head(), &script, until, None).await;
    let began = Instant::now();
    company.office_mut(0).relay().thaw();
    published(company.head()).await;
    let seconds = began.elapsed().as_secs_f64();
    drop(snapshot);
    2.0 * outcome.transactions as f64 / seconds
}

/// A session with a snapshot that stays.
async fn snapshot(company: &Company) -> Client {
    let client = company.head().connect().await;
    timed(&client, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").await;
    client
}
