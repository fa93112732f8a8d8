//! RabbitMQ fails: stopped, without its data, without a queue or a binding, out of memory.

use std::time::{Duration, Instant};

use officesync_e2e::broker::Broker;
use officesync_e2e::company::{self, Company};
use officesync_e2e::converge;
use officesync_e2e::seed::Seed;
use officesync_e2e::wait;
use officesync_e2e::workload::{self, SCHEMA, TABLES, Traffic};

const REST: Duration = Duration::from_millis(5);
const ITEMS: &str = "CREATE TABLE items (id text PRIMARY KEY, note text)";
const COUNT: &str = "SELECT count(*) FROM items";

/// Promise 10: business writes never wait for the broker.
#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_broker_stops_nobody_from_working() {
    let seed = Seed::of_run("broker stopped");
    let mut broker = Broker::start().await;
    let mut company = Company::open_on(&broker, 2).await;
    company.found(SCHEMA, &TABLES).await;
    let traffic = workload::start_everywhere(&company, &seed, 2, Duration::ZERO).await;
    let with = rate(&traffic[0], 1_000).await;
    broker.stop();
    let without = rate(&traffic[0], 1_000).await;
    println!(
        "head office: {with:.0} transactions/s with the broker, {without:.0} without: {:.2}",
        without / with
    );
    assert!(without >= 0.3 * with);
    broker.begin().await;
    rate(&traffic[0], 200).await;
    broker.kill();
    rate(&traffic[0], 200).await;
    broker.begin().await;
    let books = workload::stop_all(traffic).await;
    converge::wait_equal(&company, &TABLES).await;
    for office in company.offices() {
        workload::audit(office, &books).await.unwrap();
    }
}

/// A minute without the broker, then the lag falls below a second by itself, while everybody goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_minute_without_the_broker_is_caught_up_under_load() {
    const OUTAGE: Duration = Duration::from_secs(60);
    let seed = Seed::of_run("a minute without the broker");
    let mut broker = Broker::start().await;
    let mut company = Company::open_on(&broker, 2).await;
    company.found(SCHEMA, &TABLES).await;
    let traffic = workload::start_everywhere(&company, &seed, 1, REST).await;
    let with = rate(&traffic[0], 500).await;
    broker.stop();
    let began = Instant::now();
    let mut slowest = f64::MAX;
    while began.elapsed() < OUTAGE {
        slowest = slowest.min(rate(&traffic[0], 500).await);
    }
    println!(
        "head office: {with:.0} transactions/s with the broker, at least {slowest:.0} without"
    );
    assert!(slowest >= 0.3 * with);
    broker.begin().await;
    let back = Instant::now();
    for office in company.offices() {
        let lag = "SELECT count(*) FROM officesync.offices WHERE lag_ms >= 1000";
        office.shows(lag, 0).await;
    }
    println!(
        "lag below a second {:.1} s after the broker",
        back.elapsed().as_secs_f64()
    );
    let books = workload::stop_all(traffic).await;
    converge::wait_equal(&company, &TABLES).await;
    for office in company.offices() {
        workload::audit(office, &books).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_lost_its_data_is_filled_again() {
    let seed = Seed::of_run("broker without data");
    let mut broker = Broker::start().await;
    let mut company = Company::open_on(&broker, 2).await;
    company.found(SCHEMA, &TABLES).await;
    let traffic = workload::start_everywhere(&company, &seed, 1, REST).await;
    traffic[0].more(100).await;
    // A frozen branch leaves messages in its queue for the broker to lose.
    company.office_mut(2).relay().freeze();
    traffic[0].more(100).await;
    broker.kill();
    broker.forget();
    broker.begin().await;
    broker.define(company.virtual_host(), &company::permissions(2));
    company.office_mut(2).relay().thaw();
    traffic[0].more(100).await;
    let books = workload::stop_all(traffic).await;
    converge::wait_equal(&company, &TABLES).await;
    for office in company.offices() {
        workload::audit(office, &books).await.unwrap();
    }
}

/// What is lost at the end of a log shows in no gap: nothing comes after it.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_changes_a_broker_lost_come_again_without_new_ones() {
    let mut broker = Broker::start().await;
    let mut company = Company::open_on(&broker, 1).await;
    company
        .found(
            "CREATE TABLE items (id int PRIMARY KEY, note text)",
            &["items"],
        )
        .await;
    for (writer, reader) in [(0, 1), (1, 0)] {
        company.office_mut(reader).relay().freeze();
        let sql = format!("INSERT INTO items VALUES ({writer}, 'lost')");
        company.office(writer).run(&sql).await;
        let sent = "SELECT unsent_changes FROM officesync.outbox_status";
        company.office(writer).shows(sent, "f").await;
        broker.kill();
        broker.forget();
        broker.begin().await;
        broker.define(company.virtual_host(), &company::permissions(1));
        company.office_mut(reader).relay().thaw();
        let count = "SELECT count(*) FROM items";
        company.office(reader).shows(count, writer + 1).await;
    }
}

/// Trap 14: in a fan-out one missing queue hides behind the others.
#[tokio::test(flavor = "multi_thread")]
async fn a_queue_or_binding_deleted_under_load_is_noticed_and_the_missing_ticks_come_again() {
    let seed = Seed::of_run("topology");
    let company = Company::running(2, SCHEMA, &TABLES).await;
    let topology = company.topology().await;
    let traffic = workload::start_everywhere(&company, &seed, 1, REST).await;
    traffic[0].more(50).await;
    topology.delete_queue("officesync.branch.branch2").await;
    traffic[0].more(100).await;
    topology
        .unbind("officesync.branch.branch1", "officesync.down", "all")
        .await;
    traffic[0].more(100).await;
    topology.delete_queue("officesync.head").await;
    traffic[0].more(100).await;
    topology.purge("officesync.branch.branch1").await;
    traffic[0].more(50).await;
    let books = workload::stop_all(traffic).await;
    converge::wait_equal(&company, &TABLES).await;
    for office in company.offices() {
        workload::audit(office, &books).await.unwrap();
    }
}

/// Trap 13: the broker confirms what it could not route; it must not count as sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_returned_message_is_not_settled() {
    let mut company = Company::running(1, ITEMS, &["items"]).await;
    company
        .head()
        .run("INSERT INTO items VALUES ('before', 'x')")
        .await;
    converge::wait_equal(&company, &["items"]).await;
    company.office_mut(1).kill_relay();
    let topology = company.topology().await;
    topology.delete_queue("officesync.branch.branch1").await;
    let (_, sent, _) = company.head().ticks().await;
    company
        .head()
        .run("INSERT INTO items VALUES ('unroutable', 'x')")
        .await;
    wait::until("the tick to be made", wait::SOON, || async {
        let (last, _, _) = company.head().ticks().await;
        if last > sent {
            Ok(())
        } else {
            Err(last.to_string())
        }
    })
    .await;
    wait::never(
        "a returned message was settled",
        Duration::from_secs(3),
        || async {
            let (_, now, _) = company.head().ticks().await;
            if now == sent {
                Ok(())
            } else {
                Err(format!("sent went from {sent} to {now}"))
            }
        },
    )
    .await;
    company.office_mut(1).start_relay();
    company.office(1).shows(COUNT, 2).await;
    converge::wait_equal(&company, &["items"]).await;
}

/// An alarm blocks publishers only: what is in the queues is still applied.
#[tokio::test(flavor = "multi_thread")]
async fn a_memory_alarm_pauses_publishing_and_not_applying() {
    let broker = Broker::start().await;
    let mut company = Company::open_on(&broker, 1).await;
    company.found(ITEMS, &["items"]).await;
    let topology = company.topology().await;
    company.office_mut(1).relay().freeze();
    company
        .head()
        .run("INSERT INTO items SELECT 'queued' || n, 'x' FROM generate_series(1, 50) n")
        .await;
    wait::until("the head to have sent", wait::SOON, || async {
        let (last, sent, _) = company.head().ticks().await;
        if last == sent && last > 0 {
            Ok(())
        } else {
            Err(format!("{sent} of {last}"))
        }
    })
    .await;
    broker.raise_memory_alarm();
    company.office_mut(1).relay().thaw();
    company.office(1).shows(COUNT, 50).await;
    company
        .head()
        .run("INSERT INTO items VALUES ('blocked', 'x')")
        .await;
    let (_, sent, _) = company.head().ticks().await;
    wait::never(
        "published in spite of the alarm",
        Duration::from_secs(2),
        || async {
            let (_, now, _) = company.head().ticks().await;
            let there = company.office(1).number(COUNT).await;
            if now <= sent && there == 50 {
                Ok(())
            } else {
                Err(format!("sent {now}, {there} rows"))
            }
        },
    )
    .await;
    broker.clear_memory_alarm();
    company.office(1).shows(COUNT, 51).await;
    converge::wait_equal(&company, &["items"]).await;
    drop(topology);
}

/// Transactions a second over the next so many.
async fn rate(traffic: &Traffic, transactions: u64) -> f64 {
    let began = Instant::now();
    traffic.more(transactions).await;
    transactions as f64 / began.elapsed().as_secs_f64()
}
