//! A change travels: both ways, to every office it is meant for, whole, once, and no further.

use std::time::Duration;

use officesync_e2e::broker::Broker;
use officesync_e2e::company::Company;
use officesync_e2e::converge;
use officesync_e2e::wait;

const SCHEMA: &str =
    "CREATE TABLE items (id text PRIMARY KEY, note text, n int NOT NULL DEFAULT 0)";
const COUNT: &str = "SELECT count(*) FROM items";

#[tokio::test(flavor = "multi_thread")]
async fn a_change_reaches_every_office_from_each() {
    let company = Company::running(2, SCHEMA, &["items"]).await;
    for office in company.offices() {
        office
            .run(&format!(
                "INSERT INTO items VALUES ('{0}', 'from {0}')",
                office.name
            ))
            .await;
    }
    for office in company.offices() {
        office.shows(COUNT, 3).await;
    }
    for office in company.offices() {
        office
            .run(&format!(
                "UPDATE items SET n = n + 1 WHERE id = '{}'",
                office.name
            ))
            .await;
    }
    for office in company.offices() {
        office.shows("SELECT sum(n) FROM items", 3).await;
    }
    company
        .office(1)
        .run("DELETE FROM items WHERE id = 'branch1'")
        .await;
    for office in company.offices() {
        office.shows(COUNT, 2).await;
    }
    converge::wait_equal(&company, &["items"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_statement_arrives_and_what_is_rolled_back_does_not() {
    let company = Company::running(2, SCHEMA, &["items"]).await;
    let branch = company.office(1);
    branch
        .run("COPY items FROM PROGRAM 'seq -f ''c%g,copied,1'' 1 100' WITH (FORMAT csv)")
        .await;
    branch
        .run(
            "BEGIN; INSERT INTO items VALUES ('kept', 'x'); \
             SAVEPOINT one; INSERT INTO items VALUES ('dropped', 'x'); \
             SAVEPOINT two; UPDATE items SET n = 99; ROLLBACK TO one; \
             SAVEPOINT three; UPDATE items SET note = 'changed' WHERE id = 'kept'; RELEASE three; COMMIT",
        )
        .await;
    branch.run("BEGIN; DELETE FROM items; ROLLBACK").await;
    branch.run("INSERT INTO items VALUES ('kept', 'z', 7) ON CONFLICT (id) DO UPDATE SET n = excluded.n").await;
    branch
        .run("UPDATE items SET id = 'moved' || id WHERE id LIKE 'c1_'")
        .await;
    branch
        .run("WITH gone AS (DELETE FROM items WHERE id LIKE 'c2_' RETURNING id) INSERT INTO items SELECT 'back' || id, 'x' FROM gone")
        .await;
    company
        .head()
        .shows("SELECT n FROM items WHERE id = 'kept'", 7)
        .await;
    converge::wait_equal(&company, &["items"]).await;
    assert_eq!(
        company
            .office(2)
            .number("SELECT count(*) FROM items WHERE id = 'dropped' OR n = 99")
            .await,
        0
    );
    assert_eq!(company.office(2).number(COUNT).await, 101);

    company
        .head()
        .run("BEGIN; TRUNCATE items; INSERT INTO items VALUES ('after', 'truncate'); COMMIT")
        .await;
    for office in company.branches() {
        office
            .shows("SELECT string_agg(id, ',') FROM items", "after")
            .await;
    }
    converge::wait_equal(&company, &["items"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_transaction_travels_when_it_is_committed_and_stalls_nothing() {
    let company = Company::running(2, SCHEMA, &["items"]).await;
    let branch = company.office(1);
    branch
        .run("BEGIN; INSERT INTO items VALUES ('prepared', 'x'); PREPARE TRANSACTION 'one'")
        .await;
    branch
        .run("BEGIN; INSERT INTO items VALUES ('never', 'x'); PREPARE TRANSACTION 'two'")
        .await;
    branch
        .run("BEGIN; INSERT INTO items VALUES ('left', 'x'); PREPARE TRANSACTION 'three'")
        .await;
    branch.run("INSERT INTO items VALUES ('later', 'x')").await;
    company
        .office(2)
        .shows("SELECT string_agg(id, ',') FROM items", "later")
        .await;
    converge::wait_equal(&company, &["items"]).await;

    branch.run("COMMIT PREPARED 'one'").await;
    branch.run("ROLLBACK PREPARED 'two'").await;
    company
        .office(2)
        .shows(
            "SELECT string_agg(id, ',' ORDER BY id) FROM items",
            "later,prepared",
        )
        .await;
    converge::wait_equal(&company, &["items"]).await;

    branch.run("COMMIT PREPARED 'three'").await;
    company.office(2).shows(COUNT, 3).await;
    converge::wait_equal(&company, &["items"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direction_is_kept() {
    let mut company = Company::open(2).await;
    company
        .everywhere("CREATE TABLE prices (id text PRIMARY KEY, n int); CREATE TABLE tills (id text PRIMARY KEY, n int)")
        .await;
    company
        .everywhere("SELECT officesync.track('prices', 'down'), officesync.track('tills', 'up')")
        .await;
    company.everywhere(SCHEMA).await;
    company
        .everywhere("SELECT officesync.track('items', 'both')")
        .await;
    company.start_relays().await;

    company
        .head()
        .run("INSERT INTO prices VALUES ('tea', 2)")
        .await;
    for office in company.branches() {
        office.shows("SELECT n FROM prices", 2).await;
    }
    let refused = company
        .office(1)
        .try_run("INSERT INTO prices VALUES ('coffee', 3)")
        .await;
    assert!(
        refused.is_err(),
        "a branch wrote a table that only goes down"
    );

    company
        .office(1)
        .run("INSERT INTO tills VALUES ('till 1', 10)")
        .await;
    company
        .office(2)
        .run("INSERT INTO tills VALUES ('till 2', 20)")
        .await;
    company.head().shows("SELECT sum(n) FROM tills", 30).await;
    // What is behind the till rows in the log has arrived, so they are not on the way to anybody.
    company
        .office(1)
        .run("INSERT INTO items VALUES ('fence', 'x')")
        .await;
    company.office(2).shows(COUNT, 1).await;
    assert_eq!(
        company.office(1).number("SELECT sum(n) FROM tills").await,
        10
    );
    assert_eq!(
        company.office(2).number("SELECT sum(n) FROM tills").await,
        20
    );
    converge::wait_equal(&company, &["items", "prices"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_third_branch_joins_and_nobody_else_has_to_do_anything() {
    let mut company = Company::running(2, SCHEMA, &["items"]).await;
    company
        .head()
        .run("INSERT INTO items VALUES ('first', 'x')")
        .await;
    converge::wait_equal(&company, &["items"]).await;
    let before: Vec<u32> = company
        .offices_mut()
        .iter_mut()
        .map(|office| office.relay().process().pid())
        .collect();

    // As long as the head keeps its whole log, a new branch gets all of it, and must be empty; this one
    // is not.
    company
        .head()
        .shows("SELECT (min(number) > 0)::int FROM officesync.tick", 1)
        .await;

    let third = company.add_branch(Broker::shared().await).await;
    let office = company.office(third);
    office.run(SCHEMA).await;
    office.run("INSERT INTO items VALUES ('first', 'x')").await;
    office.run("SELECT officesync.track('items', 'both')").await;
    company.start_relays().await;

    company
        .head()
        .run("INSERT INTO items VALUES ('second', 'x')")
        .await;
    company.office(third).shows(COUNT, 2).await;
    company
        .office(third)
        .run("INSERT INTO items VALUES ('third', 'x')")
        .await;
    for office in company.offices() {
        office.shows(COUNT, 3).await;
    }
    company
        .office(1)
        .run("UPDATE items SET note = 'seen'")
        .await;
    company
        .office(third)
        .shows("SELECT count(*) FROM items WHERE note = 'seen'", 3)
        .await;
    converge::wait_equal(&company, &["items"]).await;
    let after: Vec<u32> = company.offices_mut()[..3]
        .iter_mut()
        .map(|office| office.relay().process().pid())
        .collect();
    assert_eq!(before, after);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_applied_is_not_sent_back() {
    let company = Company::running(2, SCHEMA, &["items"]).await;
    company
        .head()
        .run("INSERT INTO items SELECT 'h' || n, 'x' FROM generate_series(1, 100) n")
        .await;
    company
        .office(1)
        .run("INSERT INTO items SELECT 'b' || n, 'x' FROM generate_series(1, 100) n")
        .await;
    for office in company.offices() {
        office.shows(COUNT, 200).await;
    }
    converge::wait_equal(&company, &["items"]).await;
    let mut before = Vec::new();
    for office in company.offices() {
        before.push(office.ticks().await.0);
    }
    assert_eq!(
        before[2], 0,
        "branch2 wrote nothing and has nothing to send"
    );
    wait::never("a tick out of nothing", Duration::from_secs(2), || async {
        for (office, last) in company.offices().iter().zip(&before) {
            let now = office.ticks().await.0;
            if now != *last {
                return Err(format!("{} went from tick {last} to {now}", office.name));
            }
        }
        Ok(())
    })
    .await;
}
