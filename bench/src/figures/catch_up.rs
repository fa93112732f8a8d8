//! Figure 10, Catching up: how fast what waited through an outage arrives.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use officesync_e2e::company::Company;
use officesync_e2e::office::Office;
use tokio::task::JoinHandle;

use crate::ground::{self, Mark};
use crate::options::Options;
use crate::pgbench::{self, Until};
use crate::plot::{self, Lines};
use crate::report::{Figure, Line, grouped};
use crate::{logical, sales};

/// Seconds since the link came back, and rows that had arrived since.
type Progress = Vec<(f64, f64)>;

pub(super) async fn measure(options: &Options, figure: &mut Figure) {
    figure.title = format!(
        "Catching up: {} small transactions written while the branch was away",
        grouped(options.backlog as i64)
    );
    figure.base = "logical replication";
    let (mut ours, mut theirs): (Vec<f64>, Vec<f64>) = Default::default();
    let (mut our_first, mut their_first) = (Vec::new(), Vec::new());
    let mut curves = Vec::new();
    for _ in 0..options.rounds {
        // New clusters for each round: a table that has grown would make the next one slower.
        let schema = format!(
            "{} {}",
            ground::marked_table("ours"),
            ground::marked_table("theirs")
        );
        let mut company = ground::pair(&schema, &["ours", "ours_mark"]).await;
        let (rate, our_curve) = outage(&mut company, options.backlog, true).await;
        ours.push(rate);
        our_first.push(first(&our_curve));
        let (rate, their_curve) = outage(&mut company, options.backlog, false).await;
        theirs.push(rate);
        their_first.push(first(&their_curve));
        curves = vec![
            ("officesync", our_curve),
            ("logical replication", their_curve),
        ];
    }
    figure.lines = vec![
        Line::new("logical replication", "changes/s", &theirs),
        Line::new("officesync", "changes/s", &ours).against(&ours, &theirs),
        Line::new("first rows, logical replication", "s", &their_first),
        Line::new("first rows, officesync", "s", &our_first),
    ];
    figure.notes.push(
        "from the start of the branch's relay (the subscription's ENABLE) until the last row is visible; \
         the head's relay has published meanwhile, the broker kept it"
            .to_owned(),
    );
    plot::lines(
        &options.plots.join("catching-up.svg"),
        &Lines {
            title: &figure.title,
            across: "seconds since the branch is back",
            up: "rows that have arrived",
            series: &curves,
        },
    );
}

/// When the first rows were seen.
fn first(curve: &Progress) -> f64 {
    let seen = curve.iter().find(|point| point.1 > 0.0);
    seen.map_or(0.0, |point| point.0)
}

/// Changes a second, and how the rows came in.
async fn outage(company: &mut Company, backlog: u64, ours: bool) -> (f64, Progress) {
    let table = if ours { "ours" } else { "theirs" };
    if !ours {
        let (head, branch) = (company.head(), company.office(1));
        let tables = ["theirs", "theirs_mark"];
        logical::begin(head, branch, &tables, head.cluster.port()).await;
    }
    let mut mark = Mark::place(company.head(), company.office(1), table).await;
    mark.carry(&sales::stock(table, sales::STOCK)).await;
    company.everywhere(&format!("VACUUM ANALYZE {table}")).await;
    if ours {
        ground::settle(company).await;
        company.office_mut(1).relay().finish();
        company.office_mut(1).relay = None;
    } else {
        logical::pause(company.head(), company.office(1)).await;
    }
    let script = sales::small(table, sales::STOCK);
    let until = Until::Transactions(backlog);
    let outcome = pgbench::load(company.head(), &script, until, None).await;
    if ours {
        published(company.head()).await;
    }
    let watch = Rows::watch(company.office(1), table).await;
    let began = Instant::now();
    if ours {
        company.office_mut(1).start_relay();
    } else {
        logical::resume(company.office(1)).await;
    }
    mark.pass().await;
    let seconds = began.elapsed().as_secs_f64();
    let progress = watch.stop().await;
    ground::same(company.head(), company.office(1), table).await;
    if ours {
        ground::settle(company).await;
    } else {
        logical::end(company.head(), company.office(1)).await;
    }
    (2.0 * outcome.transactions as f64 / seconds, progress)
}

/// Waits until the broker has all that is written at the head.
pub(super) async fn published(head: &Office) {
    officesync_e2e::wait::until("the head to publish all", ground::PATIENCE, || async {
        let rest = "SELECT officesync.has_unsent()";
        match head.try_value(rest).await?.as_str() {
            "f" => Ok(()),
            _ => Err("some ticks are not sent".to_owned()),
        }
    })
    .await;
}

/// Counts a table's rows four times a second.
#[derive(Debug)]
struct Rows {
    over: Arc<AtomicBool>,
    task: JoinHandle<Progress>,
}

impl Rows {
    async fn watch(office: &Office, table: &str) -> Rows {
        let client = office.connect().await;
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        let sql = format!("SELECT count(*) FROM {table}");
        let task = tokio::spawn(async move {
            let began = Instant::now();
            let mut progress: Progress = Vec::new();
            let mut before = None;
            loop {
                let last = ended.load(Ordering::Relaxed);
                let row = client
                    .query_one(&sql, &[])
                    .await
                    .expect("the branch answers");
                let count: i64 = row.get(0);
                let arrived = count - *before.get_or_insert(count);
                progress.push((began.elapsed().as_secs_f64(), arrived as f64));
                if last {
                    return progress;
                }
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
        });
        Rows { over, task }
    }

    async fn stop(self) -> Progress {
        self.over.store(true, Ordering::Relaxed);
        self.task.await.expect("the watch does not panic")
    }
}
