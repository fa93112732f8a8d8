//! The offices things are measured at.

use std::time::{Duration, Instant};

use officesync_e2e::broker::Broker;
use officesync_e2e::company::Company;
use officesync_e2e::converge;
use officesync_e2e::office::Office;
use officesync_e2e::wait;
use tokio_postgres::Client;

use crate::sales;

/// What every cluster of the bench is set to; fsync stays on. The last one is for the peer: a subscription would
/// otherwise wait up to five seconds before it starts its worker again.
const SETTINGS: &str = "shared_buffers = 512MB\nmax_wal_size = 8GB\nwal_level = logical\n\
    wal_retrieve_retry_interval = 100ms\n";

/// How long anything may take before the bench gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3600);

/// One office for itself: nothing takes its changes away.
pub(crate) async fn alone() -> Office {
    // Nobody connects through the link, so there need be nobody at its other end.
    Office::open("head", "head", 1, |_| String::new(), SETTINGS).await
}

/// A head and a branch that track `tables` (made by `schema`), with relays. They reach the broker directly: the
/// harness's proxy would be measured too.
pub(crate) async fn pair(schema: &str, tables: &[&str]) -> Company {
    let mut company = unlinked(1).await;
    let broker = Broker::shared().await;
    let host = company.virtual_host().to_owned();
    for office in company.offices_mut() {
        office.settings.amqp_url = broker.url(&office.name, &host);
    }
    found(&mut company, schema, tables).await;
    company
}

/// The same, with each relay's link going through its proxy, to be counted or made thin.
pub(crate) async fn pair_by_proxy(schema: &str, tables: &[&str]) -> Company {
    let mut company = unlinked(1).await;
    found(&mut company, schema, tables).await;
    company
}

/// A head and branches, tables and relays still to come.
pub(crate) async fn unlinked(branches: usize) -> Company {
    Company::open_with(Broker::shared().await, branches, SETTINGS).await
}

async fn found(company: &mut Company, schema: &str, tables: &[&str]) {
    company.found(schema, tables).await;
    settle(company).await;
}

/// Waits until nothing is on the way.
pub(crate) async fn settle(company: &Company) {
    for office in company.offices() {
        let what = format!("nothing on the way from {}", office.name);
        wait::until(&what, PATIENCE, || converge::nothing_on_the_way(office)).await;
    }
}

/// Statements that make the table `name` and its mark: one row that a transaction counts up, so that its arrival can
/// be seen without looking through the table.
pub(crate) fn marked_table(name: &str) -> String {
    format!(
        "{} CREATE TABLE {name}_mark (one int PRIMARY KEY, n bigint NOT NULL);",
        sales::table(name)
    )
}

/// Runs statements and gives how long they took, in seconds.
pub(crate) async fn timed(client: &Client, sql: &str) -> f64 {
    let began = Instant::now();
    client
        .batch_execute(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}\n{}", officesync_e2e::office::describe(error)));
    began.elapsed().as_secs_f64()
}

/// A table's mark, set here and awaited there.
#[derive(Debug)]
pub(crate) struct Mark {
    table: String,
    here: Client,
    there: Client,
    n: i64,
}

impl Mark {
    /// Puts the mark's row into `from`'s table `name`, and waits until `to` shows it.
    pub(crate) async fn place(from: &Office, to: &Office, name: &str) -> Mark {
        let mark = Mark {
            table: format!("{name}_mark"),
            here: from.connect().await,
            there: to.connect().await,
            n: 0,
        };
        let sql = format!(
            "INSERT INTO {0} SELECT 1, 0 WHERE NOT EXISTS (SELECT FROM {0}); UPDATE {0} SET n = 0",
            mark.table
        );
        timed(&mark.here, &sql).await;
        mark.visible().await;
        mark
    }

    /// Runs one transaction of `sql` and the mark: seconds until its commit returned, and until it was visible.
    pub(crate) async fn carry(&mut self, sql: &str) -> (f64, f64) {
        self.n += 1;
        let sql = format!(
            "BEGIN; {sql}; UPDATE {} SET n = {}; COMMIT",
            self.table, self.n
        );
        let began = Instant::now();
        let committed = timed(&self.here, &sql).await;
        self.visible().await;
        (committed, began.elapsed().as_secs_f64())
    }

    /// Sets the mark alone and gives the seconds until it was visible.
    pub(crate) async fn pass(&mut self) -> f64 {
        self.carry("SELECT").await.1
    }

    async fn visible(&self) {
        let sql = format!("SELECT n = $1 FROM {}", self.table);
        let statement = self.there.prepare(&sql).await.expect("the mark is there");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let row = self
                .there
                .query_opt(&statement, &[&self.n])
                .await
                .expect("the other office answers");
            if row.is_some_and(|row| row.get(0)) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{} {} has not arrived in {PATIENCE:?}",
                self.table,
                self.n
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Panics unless both offices hold the same rows in their tables.
pub(crate) async fn same(left: &Office, right: &Office, table: &str) {
    let sql = format!(
        "SELECT count(*) || ' rows, ' || coalesce(sum(hashtext(t::text)::bigint), 0) FROM {table} t"
    );
    let found = (left.value(&sql).await, right.value(&sql).await);
    assert_eq!(
        found.0, found.1,
        "{table} is not the same at {} and {}",
        left.name, right.name
    );
}
