//! Capture cannot be bypassed, and what lies beside the path holds nothing back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use officesync_e2e::cluster;
use officesync_e2e::company::Company;
use officesync_e2e::converge;
use officesync_e2e::office::DATABASE;
use officesync_e2e::seed::Seed;
use officesync_e2e::wait;
use officesync_e2e::workload::Traffic;
use tokio_postgres::{AsyncMessage, NoTls};

const SCHEMA: &str = "CREATE TABLE items (id text PRIMARY KEY, note text)";
const COUNT: &str = "SELECT count(*) FROM items";

/// Trap 6: the replica role does not switch capture off, and a disabled trigger is refused or found.
#[tokio::test(flavor = "multi_thread")]
async fn the_replica_role_and_disabled_triggers_hide_nothing() {
    let company = Company::running(1, SCHEMA, &["items"]).await;
    let head = company.head();
    head.run("SET session_replication_role = replica").await;
    head.run("INSERT INTO items VALUES ('as replica', 'x')")
        .await;
    head.run("RESET session_replication_role").await;
    company.office(1).shows(COUNT, 1).await;
    let errors = "SELECT count(*) FROM officesync.check() WHERE severity = 'error' AND object LIKE '%items%'";
    assert_eq!(head.number(errors).await, 0);
    for command in [
        "DISABLE TRIGGER ALL",
        "ENABLE TRIGGER ALL",
        "ENABLE REPLICA TRIGGER",
    ] {
        let triggers = head
            .rows("SELECT tgname FROM pg_trigger WHERE tgrelid = 'items'::regclass AND NOT tgisinternal")
            .await;
        assert!(!triggers.is_empty(), "a tracked table has a trigger");
        let sql = if command.ends_with("ALL") {
            format!("ALTER TABLE items {command}")
        } else {
            format!("ALTER TABLE items {command} {}", triggers[0][0])
        };
        if head.try_run(&sql).await.is_ok() {
            let found = head.number(errors).await;
            assert!(found > 0, "{sql} was neither refused nor found");
        }
    }
}

/// Trap 7: a transaction prepared in another database of the cluster holds nothing back.
#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_transaction_of_another_database_holds_nothing_back() {
    let company = Company::running(1, SCHEMA, &["items"]).await;
    let port = company.head().cluster.port();
    company.head().run("CREATE DATABASE elsewhere").await;
    let other = cluster::connect(port, "postgres", "elsewhere")
        .await
        .unwrap();
    other
        .batch_execute(
            "CREATE TABLE t (x int); BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'stuck'",
        )
        .await
        .unwrap();
    // An old snapshot, as pg_dump holds one.
    let old = company.head().connect().await;
    old.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM items")
        .await
        .unwrap();
    for number in 0..50 {
        company
            .head()
            .run(&format!("INSERT INTO items VALUES ('{number}', 'x')"))
            .await;
    }
    company.office(1).shows(COUNT, 50).await;
    converge::wait_equal(&company, &["items"]).await;
    old.batch_execute("COMMIT").await.unwrap();
}

/// Trap 8: a sleeping relay is woken, and one that is awake is left alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_notification_wakes_a_sleeping_relay_and_is_rare_under_load() {
    let mut company = Company::open(1).await;
    for office in company.offices_mut() {
        // Only a notification can be quick now.
        office
            .settings
            .environment
            .push(("OFFICESYNC_POLL_INTERVAL_MS".to_owned(), "60000".to_owned()));
    }
    company
        .found(
            officesync_e2e::workload::SCHEMA,
            &officesync_e2e::workload::TABLES,
        )
        .await;
    let mut times = Vec::new();
    for number in 0..20 {
        converge::nothing_on_the_way(company.head())
            .await
            .unwrap_or_default();
        let began = Instant::now();
        company
            .head()
            .run(&format!("INSERT INTO counters VALUES ('idle {number}', 0)"))
            .await;
        let sql = format!("SELECT count(*) FROM counters WHERE office = 'idle {number}'");
        wait::until("a change after idling", Duration::from_secs(20), || async {
            match company.office(1).try_value(&sql).await?.as_str() {
                "1" => Ok(()),
                other => Err(other.to_owned()),
            }
        })
        .await;
        times.push(began.elapsed());
        wait::until("the head to be idle", wait::SOON, || async {
            let (last, _, acknowledged) = company.head().ticks().await;
            if last == acknowledged {
                Ok(())
            } else {
                Err(format!("{acknowledged} of {last}"))
            }
        })
        .await;
    }
    times.sort();
    println!(
        "after idling: {:?} in the middle, {:?} at most",
        times[10], times[19]
    );
    assert!(
        times[19] < Duration::from_secs(5),
        "a wake-up was lost: {times:?}"
    );

    let heard = listen(company.head().cluster.port()).await;
    let traffic = Traffic::start(company.head(), &Seed::of_run("notify"), 4, Duration::ZERO).await;
    traffic.more(2_000).await;
    traffic.stop().await;
    let heard = heard.load(Ordering::Relaxed);
    println!("{heard} notifications in 2000 transactions");
    assert!(heard < 600, "{heard} notifications in 2000 transactions");
}

/// Counts the notifications of the relay's channel.
async fn listen(port: u16) -> Arc<AtomicU64> {
    let mut config = tokio_postgres::Config::new();
    config
        .host("127.0.0.1")
        .port(port)
        .user("postgres")
        .dbname(DATABASE);
    let (client, mut connection) = config.connect(NoTls).await.unwrap();
    let heard = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Some(message) =
            std::future::poll_fn(|context| connection.poll_message(context)).await
        {
            if matches!(message, Ok(AsyncMessage::Notification(_))) {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    client.batch_execute("LISTEN officesync").await.unwrap();
    // The session lives as long as the test.
    std::mem::forget(client);
    heard
}
