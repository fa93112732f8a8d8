//! The order of changes: what depends on another comes after it, and no office sees half a transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use officesync_e2e::company::Company;
use officesync_e2e::converge;
use officesync_e2e::office::describe;
use officesync_e2e::seed::Seed;
use officesync_e2e::wait;

/// Trap 1: the transaction that began first commits last, and wins.
#[tokio::test(flavor = "multi_thread")]
async fn the_order_is_that_of_the_commits_and_not_of_the_transaction_ids() {
    let company = Company::running(
        1,
        "CREATE TABLE slots (id int PRIMARY KEY, v text)",
        &["slots"],
    )
    .await;
    let head = company.head();
    head.run("INSERT INTO slots VALUES (1, ''), (2, '')").await;
    let (first, second) = (head.connect().await, head.connect().await);
    for round in 0..25 {
        first
            .batch_execute("BEGIN; UPDATE slots SET v = 'T1' WHERE id = 2")
            .await
            .unwrap();
        second
            .batch_execute(&format!("UPDATE slots SET v = 'T2 {round}' WHERE id = 1"))
            .await
            .unwrap();
        first
            .batch_execute(&format!(
                "UPDATE slots SET v = 'T1 {round}' WHERE id = 1; COMMIT"
            ))
            .await
            .unwrap();
    }
    company
        .office(1)
        .shows("SELECT v FROM slots WHERE id = 1", "T1 24")
        .await;
    converge::wait_equal(&company, &["slots"]).await;
    assert_eq!(
        company
            .office(1)
            .value("SELECT v FROM slots WHERE id = 1")
            .await,
        "T1 24"
    );
}

/// Trap 3: a sequence that hands out numbers in advance would let a later change take a smaller one.
#[tokio::test(flavor = "multi_thread")]
async fn a_sequence_with_a_cache_is_found() {
    let company = Company::open(0).await;
    let head = company.head();
    let errors = "SELECT count(*) FROM officesync.check() WHERE severity = 'error'";
    let before = head.number(errors).await;
    let sequences = head
        .rows("SELECT c.oid::regclass FROM pg_class c WHERE relkind = 'S' AND relnamespace = 'officesync'::regnamespace")
        .await;
    assert!(!sequences.is_empty(), "there is a sequence for the outbox");
    for sequence in sequences.iter().flatten() {
        head.run(&format!("ALTER SEQUENCE {sequence} CACHE 50"))
            .await;
    }
    let after = head.number(errors).await;
    assert!(
        after > before,
        "check() does not see the cache: {:?}",
        head.rows("SELECT * FROM officesync.check()").await
    );
}

/// Promise 4: money moves between accounts, and the total is right at every moment at every office.
#[tokio::test(flavor = "multi_thread")]
async fn the_total_of_a_bank_never_moves() {
    const ACCOUNTS: u64 = 20;
    const TRANSFERS: u64 = 1_500;
    let seed = Seed::of_run("bank");
    let company = Arc::new(
        Company::running(
            2,
            "CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL)",
            &["accounts"],
        )
        .await,
    );
    company
        .head()
        .run("INSERT INTO accounts SELECT n, 100 FROM generate_series(1, 20) n")
        .await;
    for office in company.branches() {
        office
            .shows("SELECT sum(balance) FROM accounts", ACCOUNTS * 100)
            .await;
    }
    let over = Arc::new(AtomicBool::new(false));
    let reads = Arc::new(AtomicU64::new(0));
    let mut readers = Vec::new();
    for number in 0..=2 {
        let (company, over, reads) = (Arc::clone(&company), Arc::clone(&over), Arc::clone(&reads));
        readers.push(tokio::spawn(async move {
            while !over.load(Ordering::Relaxed) {
                let office = company.office(number);
                let total = office.value("SELECT sum(balance) FROM accounts").await;
                assert_eq!(
                    total,
                    (ACCOUNTS * 100).to_string(),
                    "the total at {}",
                    office.name
                );
                reads.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        }));
    }
    let mut writers = Vec::new();
    for number in 0..4 {
        let client = company.head().connect().await;
        let mut seed = seed.branch(&number.to_string());
        writers.push(tokio::spawn(async move {
            for _ in 0..TRANSFERS {
                let (from, to) = (seed.below(ACCOUNTS) + 1, seed.below(ACCOUNTS) + 1);
                // Always the smaller account first, so that two transfers never wait for each other.
                let (low, high) = (from.min(to), from.max(to));
                let amount = if from == low { 1 } else { -1 };
                let sql = format!(
                    "BEGIN; UPDATE accounts SET balance = balance - {amount} WHERE id = {low}; \
                     UPDATE accounts SET balance = balance + {amount} WHERE id = {high}; COMMIT"
                );
                client.batch_execute(&sql).await.map_err(describe).unwrap();
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    converge::wait_equal(&company, &["accounts"]).await;
    over.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    let reads = reads.load(Ordering::Relaxed);
    println!(
        "{reads} readings of the total during {} transfers",
        4 * TRANSFERS
    );
    assert!(reads >= 200);
}

/// Promise 5: who has seen *a* before writing *b* never makes anyone see *b* without *a*.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_never_arrives_before_its_question() {
    let company = Company::running(2, "CREATE TABLE talk (id text PRIMARY KEY)", &["talk"]).await;
    for round in 0..20 {
        company
            .office(1)
            .run(&format!("INSERT INTO talk VALUES ('question {round}')"))
            .await;
        let asked = format!("SELECT count(*) FROM talk WHERE id = 'question {round}'");
        company.head().shows(&asked, 1).await;
        company
            .head()
            .run(&format!("INSERT INTO talk VALUES ('answer {round}')"))
            .await;
        let both = format!(
            "SELECT coalesce(string_agg(split_part(id, ' ', 1), ' ' ORDER BY id DESC), '') FROM talk WHERE id LIKE '% {round}'"
        );
        wait::until("the answer at branch2", wait::SOON, || async {
            match company.office(2).value(&both).await.as_str() {
                "question answer" => Ok(()),
                "answer" => panic!("branch2 saw the answer before the question in round {round}"),
                other => Err(other.to_owned()),
            }
        })
        .await;
    }
    converge::wait_equal(&company, &["talk"]).await;
}
