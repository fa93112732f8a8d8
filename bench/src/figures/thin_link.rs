//! Figure 12, A thin link: a day's little work over 64 kbit/s with half a second of delay each way.

use std::time::{Duration, Instant};

use officesync_e2e::company::Company;
use officesync_e2e::proxy::Proxy;

use crate::ground::{self, Mark};
use crate::options::Options;
use crate::pgbench::{self, Until};
use crate::report::{Figure, Line, grouped};
use crate::{logical, sales};

const CHANGES: u64 = 10_000;
const BYTES_PER_SECOND: u64 = 64_000 / 8;
const DELAY: Duration = Duration::from_millis(500);
const STOCK: u64 = 5_000;

pub(super) async fn measure(_options: &Options, figure: &mut Figure) {
    figure.title = format!(
        "A thin link: {} changes in small transactions over 64 kbit/s and {} ms each way",
        grouped(CHANGES as i64),
        DELAY.as_millis()
    );
    figure.base = "logical replication";
    let schema = format!(
        "{} {}",
        ground::marked_table("ours"),
        ground::marked_table("theirs")
    );
    let company = ground::pair_by_proxy(&schema, &["ours", "ours_mark"]).await;
    let ours = one(&company, true, &company.office(1).link).await;
    ground::settle(&company).await;

    let (head, branch) = (company.head(), company.office(1));
    let proxy = Proxy::to(head.cluster.port()).await;
    logical::begin(head, branch, &["theirs", "theirs_mark"], proxy.port()).await;
    let theirs = one(&company, false, &proxy).await;
    logical::end(head, branch).await;

    for (number, (what, unit)) in [
        ("time", "s"),
        ("to the branch", "kB"),
        ("from the branch", "kB"),
    ]
    .into_iter()
    .enumerate()
    {
        let (ours, theirs) = (&[ours[number]], &[theirs[number]]);
        let line = |who: &str, value| Line::new(format!("{what}, {who}"), unit, value);
        figure.lines.push(line("logical replication", theirs));
        figure
            .lines
            .push(line("officesync", ours).against(ours, theirs));
    }
    figure.notes.push(
        "measured once: it takes minutes by its nature; the thin link is the branch's own, and the time runs \
         from the first transaction until the last is visible at the branch"
            .to_owned(),
    );
}

/// Seconds, kilobytes towards the branch, kilobytes from it.
async fn one(company: &Company, ours: bool, link: &Proxy) -> [f64; 3] {
    let table = if ours { "ours" } else { "theirs" };
    let (head, branch) = (company.head(), company.office(1));
    let mut mark = Mark::place(head, branch, table).await;
    mark.carry(&sales::stock(table, STOCK)).await;
    // Who connects from the branch is its relay or its subscriber: what comes from the server goes to the branch.
    let before = link.carried();
    link.change(|link| {
        link.bytes_per_second = BYTES_PER_SECOND;
        link.delay = DELAY;
    });
    let script = sales::small(table, STOCK);
    let until = Until::Transactions(CHANGES / 2);
    let began = Instant::now();
    pgbench::load(head, &script, until, None).await;
    mark.pass().await;
    let seconds = began.elapsed().as_secs_f64();
    let after = link.carried();
    link.restore();
    ground::same(head, branch, table).await;
    let kilobytes = |after: u64, before: u64| (after - before) as f64 / 1000.0;
    [
        seconds,
        kilobytes(after.1, before.1),
        kilobytes(after.0, before.0),
    ]
}
