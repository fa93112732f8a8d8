//! Figure 13, Initial load: how fast a branch with nothing gets a large table, against the initial copy of logical
//! replication.

use std::time::Instant;

use officesync_e2e::office::Office;
use officesync_e2e::wait;

use crate::ground::{self, PATIENCE};
use crate::options::Options;
use crate::report::{Figure, Law, Line, grouped};
use crate::sales;

/// A load is about rows in bulk: so many times those of one statement.
const TIMES: u64 = 5;

pub(super) async fn measure(options: &Options, figure: &mut Figure) {
    let rows = TIMES * options.rows;
    figure.title = format!("Initial load: {} rows", grouped(rows as i64));
    figure.base = "logical replication";
    let (mut ours, mut theirs): (Vec<f64>, Vec<f64>) = Default::default();
    for _ in 0..options.rounds {
        // New clusters for each round: a branch joins once.
        let mut company = ground::unlinked(1).await;
        company.head().run(&sales::table("sales")).await;
        company.head().run(&sales::insert("sales", rows)).await;
        company
            .head()
            .run("SELECT officesync.track('sales', 'both')")
            .await;
        company.head().run("VACUUM ANALYZE sales").await;
        company.head().run("CHECKPOINT").await;
        theirs.push(rows as f64 / copy(company.head(), company.office(1)).await);
        company.office_mut(0).start_relay();
        company.office_mut(1).settings.environment =
            vec![("OFFICESYNC_JOIN".into(), "empty".into())];
        company.office_mut(1).start_relay();
        ours.push(rows as f64 / join(company.office(1)).await);
        ground::same(company.head(), company.office(1), "sales").await;
    }
    figure.lines = vec![
        Line::new("logical replication", "rows/s", &theirs),
        Line::new("officesync", "rows/s", &ours)
            .against(&ours, &theirs)
            .law(Law::RatioAtLeast(1.0)),
    ];
    figure.notes.push(
        "officesync: from the request until the branch has joined, indexes included; logical replication: from \
         CREATE SUBSCRIPTION until the table is synchronized"
            .to_owned(),
    );
}

/// The seconds of a subscription's initial copy; all is gone afterwards.
async fn copy(from: &Office, to: &Office) -> f64 {
    from.run("CREATE PUBLICATION bench FOR TABLE sales").await;
    to.run(&sales::table("sales")).await;
    to.run("CHECKPOINT").await;
    let began = Instant::now();
    to.run(&format!(
        "CREATE SUBSCRIPTION bench CONNECTION 'host=127.0.0.1 port={} user=postgres dbname={}' PUBLICATION bench",
        from.cluster.port(),
        officesync_e2e::office::DATABASE
    ))
    .await;
    let ready = "SELECT coalesce(bool_and(srsubstate = 'r'), false) FROM pg_subscription_rel";
    until(to, "the copy", ready).await;
    let seconds = began.elapsed().as_secs_f64();
    to.run("DROP SUBSCRIPTION bench").await;
    to.run("DROP TABLE sales").await;
    to.run("CHECKPOINT").await;
    from.run("DROP PUBLICATION bench").await;
    seconds
}

/// The seconds from the branch's request until it has joined.
async fn join(branch: &Office) -> f64 {
    let joined = "SELECT state = 'done' FROM officesync.loads";
    until(branch, "the branch to have joined", joined).await;
    let sql = "SELECT extract(epoch FROM finished_at - asked_at) FROM officesync.loads";
    branch.value(sql).await.parse().expect("seconds")
}

async fn until(office: &Office, what: &str, sql: &str) {
    wait::until(what, PATIENCE, || async {
        match office.try_value(sql).await?.as_str() {
            "t" => Ok(()),
            other => Err(other.to_owned()),
        }
    })
    .await;
}
