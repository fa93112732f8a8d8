//! The demo's story: three offices at work, one link cut and restored, and everything equal at the end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use officesync_e2e::broker::Broker;
use officesync_e2e::company::Company;
use officesync_e2e::converge::{self, Census};
use officesync_e2e::seed::Seed;
use officesync_e2e::workload::{self, Book, Traffic};

use crate::lag::Meter;
use crate::screen::{Line, Screen};

const BRANCHES: usize = 2;
/// The branch whose link is cut.
const UNLUCKY: usize = 2;
const TOGETHER: Duration = Duration::from_secs(4);
const APART: Duration = Duration::from_secs(4);
/// What each of the two sessions of an office rests between transactions: a busy shop, not a benchmark.
const REST: Duration = Duration::from_millis(4);

/// Tells the story; true when every office ended with the same rows and every written row was found.
pub(crate) async fn tell() -> bool {
    let began = Instant::now();
    let mut screen = Screen::new();
    screen.say("officesync: a head office and two branches, each with its own PostgreSQL, joined by RabbitMQ.");
    screen.say("Starting three PostgreSQL clusters and a RabbitMQ node in a private directory ...");
    let (broker, mut company) = found().await;
    screen.say(&format!(
        "Ready after {:.1} s: schema made, {} tables tracked, relays running as a role that is no superuser.",
        began.elapsed().as_secs_f64(),
        workload::TABLES.len()
    ));
    let seed = Seed::of_run("Traffic at all three offices at once");
    let mut traffic = workload::start_everywhere(&company, &seed, 2, REST).await;
    let meter = Meter::start(&traffic);
    let mut clock = Rates::default();
    watch(
        &company,
        &traffic,
        &meter,
        &mut screen,
        &mut clock,
        TOGETHER,
    )
    .await;

    let unlucky = company.office(UNLUCKY).name.clone();
    company.office(UNLUCKY).link.cut();
    clock.cut = Some(unlucky.clone());
    screen.say(&format!(
        "The link of {unlucky} is cut. All three keep writing."
    ));
    watch(&company, &traffic, &meter, &mut screen, &mut clock, APART).await;

    company.office(UNLUCKY).link.restore();
    clock.cut = None;
    screen.say(&format!("The link of {unlucky} is back."));
    let restored = Instant::now();
    watch(
        &company,
        &traffic,
        &meter,
        &mut screen,
        &mut clock,
        TOGETHER,
    )
    .await;

    let books = workload::stop_all(std::mem::take(&mut traffic)).await;
    screen.say(&format!(
        "Traffic stopped {:.1} s later; waiting until nothing is on the way.",
        restored.elapsed().as_secs_f64()
    ));
    let stopped = Instant::now();
    let good = match converge::try_equal(&company, &workload::TABLES, Duration::from_secs(60)).await
    {
        Ok(census) => {
            screen.say(&format!("Settled in {} ms.", stopped.elapsed().as_millis()));
            print_census(&company, &census);
            verdict(&company, &books).await
        }
        Err(report) => {
            println!("{report}");
            println!("VERDICT: FAILED. The offices are not equal.");
            false
        }
    };
    stop(&mut company);
    drop(company);
    drop(broker);
    println!(
        "Everything is stopped again; {:.0} s in all.",
        began.elapsed().as_secs_f64()
    );
    good
}

async fn found() -> (Broker, Company) {
    let broker = Broker::start().await;
    let mut company = Company::open_on(&broker, BRANCHES).await;
    company.found(workload::SCHEMA, &workload::TABLES).await;
    company
        .head()
        .run(
            "INSERT INTO products SELECT gen_random_uuid(), 'product ' || n, n * 1.25 FROM generate_series(0, 99) n",
        )
        .await;
    (broker, company)
}

/// The relays go first, asked politely, so that their shutdown is part of what is shown to work.
fn stop(company: &mut Company) {
    for office in company.offices_mut() {
        if let Some(mut relay) = office.relay.take() {
            relay.finish();
        }
    }
}

/// What the last look at the books was, to make rates of them.
#[derive(Default)]
struct Rates {
    last: Vec<(Instant, u64)>,
    cut: Option<String>,
}

async fn watch(
    company: &Company,
    traffic: &[Traffic],
    meter: &Meter,
    screen: &mut Screen,
    rates: &mut Rates,
    span: Duration,
) {
    let until = Instant::now() + span;
    while Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let mut lines = Vec::new();
        let mut seen = Vec::new();
        for (number, (office, work)) in company.offices().iter().zip(traffic).enumerate() {
            let (now, changes) = (Instant::now(), Book::read(&work.book.changes));
            let rate = rates.last.get(number).map_or(0.0, |(when, before)| {
                (changes - before) as f64 / now.duration_since(*when).as_secs_f64().max(0.001)
            });
            seen.push((now, changes));
            lines.push(Line {
                office: office.name.clone(),
                rows: office.number("SELECT count(*) FROM product_sales").await,
                changes_per_second: rate,
                lag: meter.of(office).await.unwrap_or_default(),
                link_up: rates.cut.as_ref() != Some(&office.name),
            });
        }
        // The first look has nothing to compare with.
        if !rates.last.is_empty() {
            screen.show(&lines);
        }
        rates.last = seen;
    }
}

fn print_census(company: &Company, census: &Census) {
    println!(
        "\n  {:<16} {:<10} {:>10}   digest",
        "table", "office", "rows"
    );
    for (table, digests) in &census.tables {
        for (office, found) in company.offices().iter().zip(digests) {
            println!(
                "  {table:<16} {:<10} {:>10}   {}",
                office.name, found.rows, found.digest
            );
        }
    }
    println!();
}

async fn verdict(company: &Company, books: &[(String, Arc<Book>)]) -> bool {
    for office in company.offices() {
        if let Err(missing) = workload::audit(office, books).await {
            println!(
                "VERDICT: FAILED. The offices are equal, but not every written row is accounted for: {missing}"
            );
            return false;
        }
    }
    let transactions: u64 = books
        .iter()
        .map(|(_, book)| Book::read(&book.transactions))
        .sum();
    let changes: u64 = books
        .iter()
        .map(|(_, book)| Book::read(&book.changes))
        .sum();
    println!(
        "VERDICT: EQUAL. All offices hold the same rows; {changes} changes in {transactions} transactions are accounted for."
    );
    true
}
