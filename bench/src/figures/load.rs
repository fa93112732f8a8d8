//! Figure 13, Initial load: how fast a branch with nothing gets a large table, against the initial copy of logical
//! replication; and what is left meanwhile of the head's rate of small transactions.

use std::time::Instant;

use officesync_e2e::office::Office;
use officesync_e2e::wait;

use crate::ground::{self, PATIENCE};
use crate::options::Options;
use crate::pgbench::{self, Until};
use crate::report::{Figure, Law, Line, grouped};
use crate::sales;

/// A load is about rows in bulk: so many times those of one statement.
const TIMES: u64 = 5;
/// So long the head's users are watched, in seconds: about as long as a load takes beside them.
const WATCHED: u64 = 5;

pub(super) async fn measure(options: &Options, figure: &mut Figure) {
    let rows = TIMES * options.rows;
    figure.title = format!("Initial load: {} rows", grouped(rows as i64));
    figure.base = "logical replication";
    let (mut ours, mut theirs): (Vec<f64>, Vec<f64>) = Default::default();
    let [mut alone, mut beside_ours, mut beside_theirs]: [Vec<f64>; 3] = Default::default();
    for _ in 0..options.rounds {
        // New clusters for each round: a branch joins once.
        let mut company = ground::unlinked(2).await;
        company.head().run(&sales::table("sales")).await;
        company.head().run(&sales::insert("sales", rows)).await;
        company.head().run(&sales::table("stock")).await;
        company
            .head()
            .run(&sales::stock("stock", sales::STOCK))
            .await;
        company
            .head()
            .run("SELECT officesync.track('sales', 'both'), officesync.track('stock', 'both')")
            .await;
        company.head().run("VACUUM ANALYZE sales").await;
        company.head().run("CHECKPOINT").await;
        theirs.push(rows as f64 / copy(company.head(), company.office(1)).await);
        company.office_mut(0).start_relay();
        ask_to_join(company.office_mut(1));
        ours.push(rows as f64 / join(company.office(1)).await);
        ground::same(company.head(), company.office(1), "sales").await;
        // The second branch gets it beside busy users.
        alone.push(users(company.head()).await);
        let (rate, _) = tokio::join!(
            users(company.head()),
            copy(company.head(), company.office(2))
        );
        beside_theirs.push(rate);
        ask_to_join(company.office_mut(2));
        let (rate, _) = tokio::join!(users(company.head()), join(company.office(2)));
        beside_ours.push(rate);
    }
    figure.lines = vec![
        Line::new("logical replication", "rows/s", &theirs),
        Line::new("officesync", "rows/s", &ours)
            .against(&ours, &theirs)
            .law(Law::RatioAtLeast(1.0)),
        Line::new("users at the head: alone", "/s", &alone),
        Line::new("  beside the initial copy", "/s", &beside_theirs),
        Line::new("  beside the load", "/s", &beside_ours)
            .against(&beside_ours, &alone)
            .law(Law::RatioAtLeast(0.85)),
    ];
    figure.notes.push(
        "users: eight clients with small transactions; their ratio is against the same without a load, all offices on \
         this one machine"
            .to_owned(),
    );
    figure.notes.push(
        "officesync: from the request until the branch has joined, indexes included; logical replication: from \
         CREATE SUBSCRIPTION until the table is synchronized"
            .to_owned(),
    );
}

/// Transactions a second of users at the head.
async fn users(head: &Office) -> f64 {
    let script = sales::small("stock", sales::STOCK);
    let outcome = pgbench::load(head, &script, Until::Seconds(WATCHED), None).await;
    outcome.per_second
}

fn ask_to_join(branch: &mut Office) {
    branch.settings.environment = vec![("OFFICESYNC_JOIN".into(), "empty".into())];
    branch.start_relay();
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
