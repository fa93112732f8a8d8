//! One transaction of a million rows: whole or not at all, and nobody's memory grows with it.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test panics

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use officesync_e2e::company::Company;
use officesync_e2e::converge;
use officesync_e2e::wait;

const ROWS: i64 = 1_000_000;
const SCHEMA: &str = "CREATE TABLE items (id int PRIMARY KEY, note text, n int NOT NULL DEFAULT 0)";
const COUNT: &str = "SELECT count(*) FROM items";
/// DESIGN's law for the relay.
const RELAY_KB: u64 = 64 * 1024;
/// A backend as it is (16 MB), PostgreSQL's own queue for a million row triggers (24 MB), and our 16 MB.
const BACKEND_KB: u64 = 56 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_million_rows_arrive_whole() {
    let mut company = Company::running(1, SCHEMA, &["items"]).await;
    let client = company.head().connect().await;
    let pid: i32 = client
        .query_one("SELECT pg_backend_pid()", &[])
        .await
        .unwrap()
        .get(0);
    let watch = Memory::watch(pid);
    client.batch_execute("BEGIN; INSERT INTO items SELECT n, 'never', 0 FROM generate_series(1, 300000) n; ROLLBACK").await.unwrap();
    let began = Instant::now();
    client
        .batch_execute(&format!(
            "INSERT INTO items SELECT n, 'row number ' || n, 0 FROM generate_series(1, {ROWS}) n"
        ))
        .await
        .unwrap();
    println!("written in {:.1} s", began.elapsed().as_secs_f64());
    let backend = watch.stop().await;
    wait::until("a million rows", Duration::from_secs(300), || async {
        match company.office(1).number(COUNT).await {
            0 => Err("0 rows".to_owned()),
            ROWS => Ok(()),
            part => panic!("{part} rows: part of a transaction is visible"),
        }
    })
    .await;
    println!("visible after {:.1} s", began.elapsed().as_secs_f64());

    company.office(1).run("UPDATE items SET n = n + 1").await;
    wait::until(
        "a million updates at the head",
        Duration::from_secs(300),
        || async {
            match company.head().number("SELECT sum(n) FROM items").await {
                0 => Err("none".to_owned()),
                ROWS => Ok(()),
                part => panic!("{part} updates: part of a transaction is visible"),
            }
        },
    )
    .await;
    converge::wait_equal(&company, &["items"]).await;
    println!("capturing backend: {backend} kB of its own memory at most");
    for office in company.offices_mut() {
        let (peak, now) = office.relay().process().memory_kb();
        println!("relay of {}: {peak} kB at most, {now} kB now", office.name);
        assert!(
            peak <= RELAY_KB,
            "the relay of {} took {peak} kB",
            office.name
        );
    }
    assert!(
        backend <= BACKEND_KB,
        "the capturing backend took {backend} kB"
    );
}

/// Watches how much memory of its own (not shared buffers) a process takes.
struct Memory {
    over: Arc<AtomicBool>,
    peak: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Memory {
    fn watch(pid: i32) -> Memory {
        let (over, peak) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let (ended, highest) = (Arc::clone(&over), Arc::clone(&peak));
        let task = tokio::spawn(async move {
            while !ended.load(Ordering::Relaxed) {
                let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
                let own = status.lines().find_map(|line| {
                    line.strip_prefix("RssAnon:")?
                        .split_whitespace()
                        .next()?
                        .parse()
                        .ok()
                });
                highest.fetch_max(own.unwrap_or(0), Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        Memory { over, peak, task }
    }

    async fn stop(self) -> u64 {
        self.over.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
        self.peak.load(Ordering::Relaxed)
    }
}
