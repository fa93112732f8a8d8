//! Figure 6, Bytes on the wire: what leaves the office for each change, as TCP carries it.

use officesync_e2e::office::Office;
use officesync_e2e::proxy::Proxy;

use crate::ground::{self, Mark};
use crate::options::Options;
use crate::pgbench::{self, Until};
use crate::report::{Figure, Law, Line, grouped};
use crate::{logical, sales};

const SMALL: u64 = 20_000;

/// Bytes that left for each change, and both ways together: of the bulk, and of small transactions.
#[derive(Debug, Default)]
struct Found {
    bulk: Vec<f64>,
    bulk_both: Vec<f64>,
    small: Vec<f64>,
    small_both: Vec<f64>,
}

impl Found {
    fn note_bulk(&mut self, (out, back): (u64, u64), changes: u64) {
        self.bulk.push(out as f64 / changes as f64);
        self.bulk_both.push((out + back) as f64 / changes as f64);
    }

    fn note_small(&mut self, (out, back): (u64, u64), changes: u64) {
        self.small.push(out as f64 / changes as f64);
        self.small_both.push((out + back) as f64 / changes as f64);
    }
}

pub(super) async fn measure(options: &Options, figure: &mut Figure) {
    figure.title = format!(
        "Bytes on the wire for each change: {0} inserts and {0} updates in bulk; {1} small transactions",
        grouped(options.rows as i64),
        grouped(SMALL as i64)
    );
    figure.base = "pgoutput";
    let schema = format!(
        "{} {}",
        ground::marked_table("ours"),
        ground::marked_table("theirs")
    );
    let company = ground::pair_by_proxy(&schema, &["ours", "ours_mark"]).await;
    let (head, branch) = (company.head(), company.office(1));
    let (mut ours, mut theirs) = (Found::default(), Found::default());
    for _ in 0..options.rounds {
        let link = &head.link;
        one(options, head, branch, "ours", || link.carried(), &mut ours).await;
        ground::settle(&company).await;

        let proxy = Proxy::to(head.cluster.port()).await;
        logical::begin(head, branch, &["theirs", "theirs_mark"], proxy.port()).await;
        // The subscriber is the one who connects: what leaves the office comes from the server.
        let carried = || {
            let (up, down) = proxy.carried();
            (down, up)
        };
        one(options, head, branch, "theirs", carried, &mut theirs).await;
        logical::end(head, branch).await;
    }
    for (what, ours, theirs, law) in [
        ("bulk", &ours.bulk, &theirs.bulk, Some(0.20)),
        (
            "bulk, both directions",
            &ours.bulk_both,
            &theirs.bulk_both,
            None,
        ),
        ("small transactions", &ours.small, &theirs.small, None),
        (
            "small transactions, both directions",
            &ours.small_both,
            &theirs.small_both,
            None,
        ),
    ] {
        figure
            .lines
            .push(Line::new(format!("{what}, pgoutput"), "bytes", theirs));
        let line = Line::new(format!("{what}, officesync"), "bytes", ours).against(ours, theirs);
        figure.lines.push(match law {
            Some(bound) => line.law(Law::RatioAtMost(bound)),
            None => line,
        });
    }
    figure.notes.push(
        "counted by a proxy on the sender's TCP connections: protocol frames, confirms and heartbeats included"
            .to_owned(),
    );
}

async fn one(
    options: &Options,
    from: &Office,
    to: &Office,
    table: &str,
    carried: impl Fn() -> (u64, u64),
    found: &mut Found,
) {
    from.run(&sales::delete(table)).await;
    let mut mark = Mark::place(from, to, table).await;
    let before = carried();
    mark.carry(&sales::insert(table, options.rows)).await;
    mark.carry(&sales::update(table)).await;
    found.note_bulk(since(before, carried()), 2 * options.rows);

    from.run(&sales::delete(table)).await;
    let stock = options.rows.min(sales::STOCK);
    mark.carry(&sales::stock(table, stock)).await;
    let before = carried();
    let script = sales::small(table, stock);
    let outcome = pgbench::load(from, &script, Until::Transactions(SMALL), None).await;
    mark.pass().await;
    found.note_small(since(before, carried()), 2 * outcome.transactions);
    ground::same(from, to, table).await;
}

fn since(before: (u64, u64), now: (u64, u64)) -> (u64, u64) {
    (now.0 - before.0, now.1 - before.1)
}
