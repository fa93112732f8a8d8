//! What concerns one branch alone: rows that are sent again to it, and sending to it that is paused.

use std::time::Duration;

use officesync_e2e::company::Company;
use officesync_e2e::converge;
use officesync_e2e::office::Office;
use officesync_e2e::wait;

use crate::subsets::{company, overheard, wait_shared_out};
use crate::verify::{plant, verify};

const ORDERS: [(&str, &str); 1] = [("orders", "branch")];
const PRICES: &str = "SELECT concat(count(*), ' ', sum(price)) FROM products";

/// Rows that are sent again to one branch, by hand and by a repair, go to nobody else; a branch leaves its own change
/// alone.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_again_to_one_branch_goes_to_no_other() {
    const NOTES: &str = "CREATE TABLE notes (id int PRIMARY KEY, note text)";
    let company = Company::running(2, NOTES, &["notes"]).await;
    let (head, branch) = (company.head(), company.office(1));
    head.run("INSERT INTO notes SELECT n, 'secret ' || n FROM generate_series(1, 100) n")
        .await;
    converge::wait_equal(&company, &["notes"]).await;
    let topology = company.topology().await;
    let mut taps = Vec::new();
    for name in ["branch1", "branch2"] {
        taps.push(topology.tap(name).await);
    }
    plant(branch, "notes", "UPDATE notes SET note = '' WHERE id <= 20").await;
    // What it has just written is newer than what is sent again.
    head.run("SELECT officesync.pause('branch1', 'receive')")
        .await;
    branch
        .run("UPDATE notes SET note = 'own' WHERE id = 30")
        .await;
    let sent = head
        .number("SELECT officesync.resend('notes', 'id <= 10 OR id = 30', 'branch1')")
        .await;
    assert_eq!(sent, 11);
    branch
        .shows("SELECT count(*) FROM notes WHERE note = ''", 10)
        .await;
    let own = "SELECT note FROM notes WHERE id = 30";
    assert_eq!(branch.value(own).await, "own");
    head.run("SELECT officesync.resume('branch1', 'receive')")
        .await;
    let (code, said) = verify(head, &["--office", "branch1", "--repair"]).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("10 rows differ"), "{said}");
    converge::wait_equal(&company, &["notes"]).await;
    assert_eq!(head.value(own).await, "own");

    let heard = [
        overheard(&company, &taps[0]).await,
        overheard(&company, &taps[1]).await,
    ];
    assert!(heard[0].contains("secret 7") && heard[0].contains("secret 17"));
    let others = heard[1].replace("\"own\",\"secret 30\"", "");
    assert!(!others.contains("secret"), "{others}");
}

/// One branch is sent nothing while the other follows; it goes on where it was, in order, also when the head's relay
/// was started anew meanwhile and when all were paused one by one.
#[tokio::test(flavor = "multi_thread")]
async fn sending_to_one_branch_waits_while_the_other_follows() {
    let mut company = company(2).await;
    let head = company.head();
    head.run("INSERT INTO products SELECT n, 0 FROM generate_series(1, 100) n")
        .await;
    wait_shared_out(&company, &ORDERS).await;
    let tap = company.topology().await.tap("branch1").await;
    let before = company.office(1).value(PRICES).await;
    head.run("SELECT officesync.pause('branch1', 'send')").await;
    said(&company, "sending to the branch is paused").await;
    for round in 1..=2 {
        let head = company.head();
        for n in 1..=5 {
            head.run(&format!(
                "BEGIN; UPDATE products SET price = price + 1 WHERE id <= 100;
                 INSERT INTO orders SELECT format('{round} {n} %s', b), 'branch' || b, 'order', 1 FROM generate_series(1, 2) b; COMMIT"
            ))
            .await;
        }
        company
            .office(1)
            .run(&format!("INSERT INTO products VALUES (1000 + {round}, 0)"))
            .await;
        let all = format!("{} {}", 100 + round, 500 * round);
        company.office(2).shows(PRICES, &all).await;
        company
            .office(2)
            .shows("SELECT count(*) FROM orders", 5 * round)
            .await;
        if round == 1 {
            company.office_mut(0).kill_relay();
            company.office_mut(0).start_relay();
        }
    }
    let (paused, head) = (company.office(1), company.head());
    let kept = "SELECT sum(t.transactions) >= 10 FROM officesync.tick t, officesync.peer p
                WHERE p.name = 'branch1' AND t.number > p.acknowledged_tick";
    assert_eq!(head.value(kept).await, "t", "all of it is kept for branch1");
    wait::never(
        "a tick to reach branch1",
        Duration::from_secs(1),
        || async {
            match paused.try_value("SELECT count(*) FROM orders").await? {
                none if none == "0" => Ok(()),
                some => Err(format!("{some} orders")),
            }
        },
    )
    .await;
    assert_eq!(before, "100 0");
    let warned = "SELECT remedy FROM officesync.check() WHERE object = 'office branch1'";
    assert_eq!(
        head.value(warned).await,
        "SELECT officesync.resume('branch1', 'send')"
    );
    assert_eq!(overheard(&company, &tap).await.matches("order").count(), 0);

    head.run("SELECT officesync.pause('branch2')").await;
    wait::until("branch2 to be paused", wait::SOON, || async {
        match head.relay.as_ref().unwrap().logged() {
            log if log.contains("branch=\"branch2\"") => Ok(()),
            log => Err(log),
        }
    })
    .await;
    head.run("UPDATE products SET price = price + 1 WHERE id <= 100")
        .await;
    head.run("SELECT officesync.resume('branch1')").await;
    caught_up(paused, "102 1100").await;
    assert_eq!(company.office(2).value(PRICES).await, "102 1000");
    head.run("SELECT officesync.resume('branch2')").await;
    caught_up(company.office(2), "102 1100").await;
    wait_shared_out(&company, &ORDERS).await;
    assert_eq!(head.value(PRICES).await, "102 1100");
}

/// Waits until a branch that goes on has all, sooner than it would ask by itself: each minute.
async fn caught_up(branch: &Office, all: &str) {
    wait::until("the branch to catch up", wait::SOON, || async {
        match branch.try_value(PRICES).await? {
            found if found == all => Ok(()),
            found => Err(format!("{found} at {}", branch.name)),
        }
    })
    .await;
}

/// Waits until the head's relay has said that.
async fn said(company: &Company, what: &str) {
    let relay = company.head().relay.as_ref().unwrap();
    wait::until(what, wait::SOON, || async {
        match relay.logged() {
            log if log.contains(what) => Ok(()),
            log => Err(log),
        }
    })
    .await;
}
