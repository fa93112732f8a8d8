//! Links fail: cut, half-open, swallowing one way, slow, flapping. Everyone keeps working; all is equal at the end.

use std::time::Duration;

use officesync_e2e::company::Company;
use officesync_e2e::converge;
use officesync_e2e::seed::Seed;
use officesync_e2e::workload::{self, SCHEMA, TABLES, Traffic};

const REST: Duration = Duration::from_millis(5);

/// A company whose relays find a dead connection within seconds, at work.
async fn at_work(what: &str) -> (Company, Vec<Traffic>) {
    let seed = Seed::of_run(what);
    let mut company = Company::open(2).await;
    for office in company.offices_mut() {
        office.settings.amqp_url.push_str("?heartbeat=2");
    }
    company.found(SCHEMA, &TABLES).await;
    let traffic = workload::start_everywhere(&company, &seed, 1, REST).await;
    for office in &traffic {
        office.more(30).await;
    }
    (company, traffic)
}

async fn all_equal(company: &Company, traffic: Vec<Traffic>) {
    let books = workload::stop_all(traffic).await;
    converge::wait_equal(company, &TABLES).await;
    for office in company.offices() {
        workload::audit(office, &books).await.unwrap();
    }
}

async fn more(traffic: &[Traffic], transactions: u64) {
    for office in traffic {
        office.more(transactions).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_cut_and_restored() {
    let (company, traffic) = at_work("cut").await;
    for number in [1, 0, 2] {
        company.office(number).link.cut();
        more(&traffic, 150).await;
        company.office(number).link.restore();
        more(&traffic, 50).await;
    }
    all_equal(&company, traffic).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_open_connection_is_found() {
    let (company, traffic) = at_work("half-open").await;
    for number in [1, 0] {
        company.office(number).link.half_open();
        more(&traffic, 150).await;
    }
    all_equal(&company, traffic).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_swallows_one_way_is_survived() {
    let (company, traffic) = at_work("blackhole").await;
    company.office(1).link.change(|link| link.swallow_up = true);
    more(&traffic, 300).await;
    company.office(1).link.restore();
    company
        .office(0)
        .link
        .change(|link| link.swallow_down = true);
    more(&traffic, 300).await;
    company.office(0).link.restore();
    all_equal(&company, traffic).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flapping_link_is_survived() {
    let (company, traffic) = at_work("flapping").await;
    // The branch, and then the head: its relay has messages of several offices in hand at each break.
    for number in [1, 0] {
        for _ in 0..8 {
            company.office(number).link.cut();
            more(&traffic, 40).await;
            company.office(number).link.restore();
            more(&traffic, 40).await;
        }
    }
    all_equal(&company, traffic).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_link_is_only_slow() {
    let (company, traffic) = at_work("slow").await;
    company.office(1).link.change(|link| {
        link.delay = Duration::from_millis(500);
        link.bytes_per_second = 8_000; // 64 kbit/s
    });
    more(&traffic, 200).await;
    all_equal(&company, traffic).await;
}
