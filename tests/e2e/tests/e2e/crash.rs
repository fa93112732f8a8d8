//! Processes die: PostgreSQL with unflushed commits, relays at every point of the journey, sessions under them.

use std::time::Duration;

use officesync_e2e::company::Company;
use officesync_e2e::converge;
use officesync_e2e::relay::{FAILPOINTS, Relay};
use officesync_e2e::seed::Seed;
use officesync_e2e::wait;
use officesync_e2e::workload::{self, SCHEMA, TABLES};

const REST: Duration = Duration::from_millis(5);

/// No commit is flushed unless it insists, and the WAL writer sleeps: what nobody flushes on purpose is lost
/// in a crash.
const SLEEPY: &str =
    "synchronous_commit = off\nwal_writer_delay = 10s\nwal_writer_flush_after = 1GB";
const ITEMS: &str = "CREATE TABLE items (id int PRIMARY KEY, note text)";

/// Trap 2: what a crash takes back was never published, and the numbers that come again are no duplicates.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_published_that_a_crash_takes_back() {
    let mut seed = Seed::of_run("async commit and crash");
    let broker = officesync_e2e::broker::Broker::shared().await;
    let mut company = Company::open_with(broker, 1, SLEEPY).await;
    company.found(ITEMS, &["items"]).await;
    let mut lost = 0;
    for round in 0..6 {
        let client = company.head().connect().await;
        let first = company
            .head()
            .number("SELECT coalesce(max(id), 0) + 1 FROM items")
            .await;
        let count = 200 + seed.below(400) as i64;
        for id in first..first + count {
            client
                .batch_execute(&format!("INSERT INTO items VALUES ({id}, 'round {round}')"))
                .await
                .unwrap();
        }
        drop(client);
        for office in company.offices_mut() {
            office.cluster.stop_immediately();
            office.cluster.begin().await;
        }
        let kept = company
            .head()
            .number("SELECT coalesce(max(id), 0) FROM items")
            .await;
        lost += first + count - 1 - kept;
    }
    println!("{lost} committed rows were lost in six crashes");
    company
        .head()
        .run("INSERT INTO items VALUES (0, 'after all crashes')")
        .await;
    company
        .office(1)
        .shows("SELECT note FROM items WHERE id = 0", "after all crashes")
        .await;
    converge::wait_equal(&company, &["items"]).await;
}

/// Applying waits for no disk, so what is forgotten at its sender has to be on the receiver's disk by then.
#[tokio::test(flavor = "multi_thread")]
async fn what_its_sender_forgets_outlives_a_crash_of_the_receiver() {
    let broker = officesync_e2e::broker::Broker::shared().await;
    let mut company = Company::open_with(broker, 1, SLEEPY).await;
    company.found(ITEMS, &["items"]).await;
    for id in 1..=8 {
        let (writer, reader) = if id % 2 == 0 { (1, 0) } else { (0, 1) };
        let sender = company.office(writer);
        let (before, _, _) = sender.ticks().await;
        sender
            .run(&format!("INSERT INTO items VALUES ({id}, 'kept')"))
            .await;
        wait::until("the sender to be told", wait::RECOVERY, || async {
            match sender.ticks().await {
                (last, _, acknowledged) if last > before && acknowledged == last => Ok(()),
                ticks => Err(format!("{ticks:?}, {before} before")),
            }
        })
        .await;
        let receiver = company.office_mut(reader);
        receiver.kill_relay();
        receiver.cluster.stop_immediately();
        receiver.cluster.begin().await;
        let kept = receiver.number("SELECT count(*) FROM items").await;
        assert_eq!(kept, id, "{} has lost what is forgotten", receiver.name);
        receiver.start_relay();
    }
    converge::wait_equal(&company, &["items"]).await;
}

/// What is visible and not flushed yet may be lost, and then comes again.
#[tokio::test(flavor = "multi_thread")]
async fn a_tick_that_a_crash_takes_back_comes_again() {
    let broker = officesync_e2e::broker::Broker::shared().await;
    let mut company = Company::open_with(broker, 1, SLEEPY).await;
    company.found(ITEMS, &["items"]).await;
    let mut lost = 0;
    // The WAL writer does wake now and then.
    for round in 0..8 {
        let branch = company.office_mut(1);
        branch.kill_relay();
        // The first tick shows that the relay is there; at the second it dies before it flushes.
        branch.start_relay_with("FAILPOINTS", "apply_flush=1*off->return");
        let insert = async |id: i32| {
            let sql = format!("INSERT INTO items VALUES ({id}, 'comes again')");
            company.head().run(&sql).await;
            let seen = format!("SELECT count(*) FROM items WHERE id = {id}");
            company.office(1).shows(&seen, 1).await;
        };
        insert(2 * round).await;
        wait::until("the head to be told", wait::RECOVERY, || async {
            match company.head().ticks().await {
                (last, _, acknowledged) if acknowledged == last => Ok(()),
                ticks => Err(format!("{ticks:?}")),
            }
        })
        .await;
        insert(2 * round + 1).await;
        let branch = company.office_mut(1);
        let status = branch.relay().process().wait(wait::RECOVERY);
        assert!(!status.success(), "the relay did not die before the flush");
        branch.cluster.stop_immediately();
        branch.cluster.begin().await;
        lost += i64::from(2 * round + 2) - branch.number("SELECT count(*) FROM items").await;
        branch.relay = None;
        branch.start_relay();
        company
            .office(1)
            .shows("SELECT count(*) FROM items", 2 * round + 2)
            .await;
        if lost > 0 {
            break;
        }
    }
    assert!(lost > 0, "nothing was lost in eight crashes: not a test");
    converge::wait_equal(&company, &["items"]).await;
}

/// Promise 3 and the relay's faults: killed at each point of the journey, at the head and at a branch, under load.
#[tokio::test(flavor = "multi_thread")]
async fn a_relay_killed_at_any_point_loses_and_doubles_nothing() {
    let seed = Seed::of_run("failpoints");
    let mut company = Company::running(2, SCHEMA, &TABLES).await;
    let traffic = workload::start_everywhere(&company, &seed, 2, REST).await;
    for point in FAILPOINTS {
        for number in 0..=1 {
            company.office_mut(number).kill_relay();
            company
                .office_mut(number)
                .start_relay_with("FAILPOINTS", &format!("{point}=7*off->return"));
            let name = company.office(number).name.clone();
            let relay = company.office_mut(number).relay();
            wait::until(
                &format!("the relay of {name} to die at {point}"),
                wait::RECOVERY,
                || {
                    let ended = relay.process().ended().is_some();
                    let log = if ended {
                        String::new()
                    } else {
                        officesync_e2e::cluster::tail(&relay.log(), 5)
                    };
                    async move { if ended { Ok(()) } else { Err(log) } }
                },
            )
            .await;
            println!("{name} died at {point}");
            company.office_mut(number).relay = None;
            company.office_mut(number).start_relay();
        }
        for office in &traffic {
            office.more(20).await;
        }
    }
    let books = workload::stop_all(traffic).await;
    converge::wait_equal(&company, &TABLES).await;
    for office in company.offices() {
        workload::audit(office, &books).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_relay_stands_by_and_takes_over() {
    let seed = Seed::of_run("standby");
    let mut company = Company::running(1, SCHEMA, &TABLES).await;
    let traffic = workload::start_everywhere(&company, &seed, 1, REST).await;
    for (number, work) in traffic.iter().enumerate() {
        let office = company.office_mut(number);
        let standby = Relay::start(&office.name, &office.settings);
        work.more(50).await;
        let office = company.office_mut(number);
        office.kill_relay();
        let began = std::time::Instant::now();
        office.relay = Some(standby);
        let (_, sent, _) = office.ticks().await;
        wait::until("the standby to send", wait::SOON, || async {
            let (last, now, _) = company.office(number).ticks().await;
            if now > sent {
                Ok(())
            } else {
                Err(format!("sent {now}, created {last}"))
            }
        })
        .await;
        println!(
            "{}: taken over within {} ms",
            company.office(number).name,
            began.elapsed().as_millis()
        );
    }
    let books = workload::stop_all(traffic).await;
    converge::wait_equal(&company, &TABLES).await;
    workload::audit(company.head(), &books).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_asked_to_end_finishes_and_exits_with_0() {
    let seed = Seed::of_run("SIGTERM");
    let mut company = Company::running(1, SCHEMA, &TABLES).await;
    let traffic = workload::start_everywhere(&company, &seed, 1, REST).await;
    for _ in 0..3 {
        for (number, work) in traffic.iter().enumerate() {
            work.more(30).await;
            let status = company.office_mut(number).relay().finish();
            assert_eq!(
                status.code(),
                Some(0),
                "{}",
                company.office_mut(number).relay().logged()
            );
            company.office_mut(number).relay = None;
            company.office_mut(number).start_relay();
        }
    }
    let books = workload::stop_all(traffic).await;
    converge::wait_equal(&company, &TABLES).await;
    workload::audit(company.head(), &books).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_relay_and_lost_sessions_are_survived() {
    let seed = Seed::of_run("frozen");
    let mut company = Company::running(2, SCHEMA, &TABLES).await;
    let traffic = workload::start_everywhere(&company, &seed, 1, REST).await;
    company.office_mut(0).relay().freeze();
    for office in &traffic {
        office.more(200).await;
    }
    company.office_mut(0).relay().thaw();
    for _ in 0..5 {
        for (office, work) in company.offices().iter().zip(&traffic) {
            office.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'relay'").await;
            work.more(20).await;
        }
    }
    let books = workload::stop_all(traffic).await;
    converge::wait_equal(&company, &TABLES).await;
    for office in company.offices() {
        workload::audit(office, &books).await.unwrap();
    }
}
