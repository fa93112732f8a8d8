//! PostgreSQL's own benchmark at the head, and its four tables equal at every branch.

use std::path::PathBuf;
use std::process::Command;

use officesync_e2e::cluster::pg_config;
use officesync_e2e::company::Company;
use officesync_e2e::converge;
use officesync_e2e::office::{DATABASE, Office};
use officesync_e2e::process::run;

/// The last has no key: its rows are found by all they hold.
const TABLES: [&str; 4] = [
    "pgbench_accounts",
    "pgbench_branches",
    "pgbench_tellers",
    "pgbench_history",
];
const TRANSACTIONS: i64 = 200;
const CLIENTS: i64 = 2;

#[tokio::test(flavor = "multi_thread")]
async fn its_tables_are_equal_everywhere() {
    let mut company = Company::open(2).await;
    for office in company.offices() {
        pgbench(office, &["--initialize", "--scale=1", "--quiet"]);
    }
    company
        .found("ALTER TABLE pgbench_history REPLICA IDENTITY FULL", &TABLES)
        .await;

    let (transactions, clients) = (
        format!("--transactions={TRANSACTIONS}"),
        format!("--client={CLIENTS}"),
    );
    for script in ["--builtin=tpcb-like", "--builtin=simple-update"] {
        // Vacuum would be one more thing to wait for, and it changes no row.
        pgbench(
            company.head(),
            &[
                "--no-vacuum",
                "--random-seed=1",
                script,
                &transactions,
                &clients,
            ],
        );
    }
    let census = converge::wait_equal(&company, &TABLES).await;
    let (_, history) = &census.tables[3];
    assert_eq!(
        history[2].rows,
        2 * CLIENTS * TRANSACTIONS,
        "every transaction leaves a line of history"
    );
    let moved = "SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history)";
    for office in company.offices() {
        assert_eq!(
            office.value(moved).await,
            "t",
            "the accounts at {} are not what history says",
            office.name
        );
    }

    // Rows without a key, some of them equal, change and go.
    let head = company.head();
    head.run("INSERT INTO pgbench_history SELECT * FROM pgbench_history WHERE aid % 3 = 0")
        .await;
    head.run("UPDATE pgbench_history SET filler = 'changed' WHERE aid % 5 = 0")
        .await;
    head.run("DELETE FROM pgbench_history WHERE ctid IN (SELECT min(ctid) FROM pgbench_history GROUP BY tid)").await;
    converge::wait_equal(&company, &TABLES).await;
}

/// Runs pgbench at an office to its end.
fn pgbench(office: &Office, arguments: &[&str]) {
    let bin = PathBuf::from(run(Command::new(pg_config()).arg("--bindir")).trim());
    let port = office.cluster.port().to_string();
    run(Command::new(bin.join("pgbench"))
        .args(["--host=127.0.0.1", "--username=postgres", "--port", &port])
        .args(arguments)
        .arg(DATABASE));
}
