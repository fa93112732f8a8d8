//! Figure 3, End to end: from the start of a statement at one office until its rows are visible at the other.

use officesync_e2e::company::Company;
use officesync_e2e::office::Office;

use crate::ground::{self, Mark};
use crate::options::Options;
use crate::plot::{self, Bars};
use crate::report::{Figure, Law, Line, grouped};
use crate::{logical, sales};

const OPERATIONS: [&str; 3] = ["insert", "update", "delete"];

/// Seconds until visible, by operation and round.
type Seconds = [Vec<f64>; 3];

pub(super) async fn measure(options: &Options, figure: &mut Figure) {
    figure.title = format!(
        "End to end: {} rows in one transaction, until visible at the other office",
        grouped(options.rows as i64)
    );
    figure.base = "logical replication";
    let schema = format!(
        "{} {}",
        ground::marked_table("ours"),
        ground::marked_table("theirs")
    );
    let company = ground::pair(&schema, &["ours", "ours_mark"]).await;
    // Down from the head is one step, and so is up to it.
    let (mut down, mut up): ([Seconds; 2], [Seconds; 2]) = Default::default();
    for round in 0..=options.rounds {
        let first = round == 0;
        // The round before the first is short: sessions, plans and queues are warm after it.
        let rows = if first { 1000 } else { options.rows };
        let (head, branch) = (company.head(), company.office(1));
        for (from, to, seconds) in [(head, branch, &mut down), (branch, head, &mut up)] {
            for rival in [round % 2, (round + 1) % 2] {
                let found = one(&company, from, to, rows, rival == 0).await;
                if !first {
                    for (all, one) in seconds[rival].iter_mut().zip(found) {
                        all.push(one);
                    }
                }
            }
        }
    }
    for (way, [ours, theirs]) in [("head to branch", &down), ("branch to head", &up)] {
        for (number, operation) in OPERATIONS.iter().enumerate() {
            let (ours, theirs) = (&ours[number], &theirs[number]);
            let what = format!("{operation}, {way}");
            figure.lines.push(Line::new(
                format!("{what}, logical replication"),
                "s",
                theirs,
            ));
            figure.lines.push(
                Line::new(format!("{what}, officesync"), "s", ours)
                    .against(ours, theirs)
                    .law(Law::RatioAtMost(1.0)),
            );
        }
    }
    plot::bars(
        &options.plots.join("end-to-end.svg"),
        &Bars {
            title: &figure.title,
            unit: "seconds",
            groups: &OPERATIONS,
            series: &[("officesync", &down[0]), ("logical replication", &down[1])],
        },
    );
}

/// Insert, update and delete by one of the two; the other is at rest.
async fn one(company: &Company, from: &Office, to: &Office, rows: u64, ours: bool) -> [f64; 3] {
    let table = if ours { "ours" } else { "theirs" };
    if !ours {
        let port = from.cluster.port();
        logical::begin(from, to, &["theirs", "theirs_mark"], port).await;
    }
    let mut mark = Mark::place(from, to, table).await;
    let mut seconds = [0.0; 3];
    let statements = [
        sales::insert(table, rows),
        sales::update(table),
        sales::delete(table),
    ];
    for (statement, seconds) in statements.iter().zip(&mut seconds) {
        *seconds = mark.carry(statement).await.1;
        ground::same(from, to, table).await;
    }
    if ours {
        ground::settle(company).await;
    } else {
        logical::end(from, to).await;
    }
    // Dead rows of this turn shall not slow the next one.
    for office in [from, to] {
        office.run(&format!("VACUUM {table}")).await;
        office.run("CHECKPOINT").await;
    }
    seconds
}
