//! A branch that is away for so long that nothing is kept for it any more, and comes back.

use officesync_e2e::company::Company;
use officesync_e2e::converge;
use officesync_e2e::wait;

const SCHEMA: &str = "CREATE TABLE items (id int PRIMARY KEY, office text NOT NULL, code text UNIQUE, n int NOT NULL);
    CREATE TABLE notes (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), office text NOT NULL)";
const BEHIND: &str =
    "SELECT count(*) FROM officesync.peer WHERE name = 'branch2' AND left_behind_at IS NOT NULL";

/// As if it had not been seen for two days.
const SILENT: &str = "UPDATE officesync.peer SET last_seen_at = last_seen_at - interval '2 days' WHERE name = 'branch2'";

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_was_left_behind_catches_up_by_comparing() {
    let tables = ["items", "notes"];
    let mut company = Company::running(2, SCHEMA, &tables).await;
    let head = company.head();
    head.run("ALTER DATABASE office SET officesync.max_backlog = '16kB'")
        .await;
    head.run("INSERT INTO items SELECT g, 'head', 'c' || g, 0 FROM generate_series(1, 500) g")
        .await;
    converge::wait_equal(&company, &tables).await;
    // The relay's sessions take the setting up when they connect.
    company.office_mut(0).kill_relay();
    company.office_mut(0).start_relay();

    company.office_mut(2).kill_relay();
    let away = company.office(2);
    away.run("INSERT INTO notes (office) SELECT 'branch2' FROM generate_series(1, 50)")
        .await;
    away.run("UPDATE items SET n = 100 + id WHERE id <= 10; DELETE FROM items WHERE id = 11")
        .await;
    let head = company.head();
    head.run(SILENT).await;
    // More than is kept, and nothing that compresses. Unique values change hands, rows go, rows come.
    for round in 0..20 {
        head.run(&format!(
            "INSERT INTO notes (office) SELECT 'head' FROM generate_series(1, 40);
             UPDATE items SET n = n + 1 WHERE id % 20 = {round} AND id > 20"
        ))
        .await;
    }
    head.run(
        "UPDATE items SET code = 'x' || id WHERE id > 400;
         UPDATE items SET code = 'c' || (id + 50) WHERE id BETWEEN 401 AND 450;
         DELETE FROM items WHERE id BETWEEN 300 AND 320;
         INSERT INTO items SELECT g, 'head', 'c' || g, 0 FROM generate_series(600, 620) g",
    )
    .await;
    head.shows(BEHIND, "1").await;
    // What the others have is pruned, although the branch has not.
    let kept = "SELECT count(*) > 0 FROM officesync.tick t JOIN officesync.peer p ON p.name = 'branch2' \
                WHERE t.number <= p.acknowledged_tick";
    head.shows(kept, "f").await;
    let told = "SELECT count(*) FROM officesync.check() WHERE object = 'office branch2' AND problem LIKE '%nothing is kept%'";
    assert_eq!(head.number(told).await, 1);

    company.office_mut(2).start_relay();
    company
        .office(1)
        .run("INSERT INTO notes (office) VALUES ('branch1')")
        .await;
    converge::wait_equal(&company, &tables).await;
    let head = company.head();
    assert_eq!(head.number(BEHIND).await, 0);
    let own = "SELECT count(*) FROM items WHERE n = 100 + id AND id <= 10";
    assert_eq!(head.number(own).await, 10, "its own changes stand");
    let notes = "SELECT count(*) FROM notes WHERE office = 'branch2'";
    assert_eq!(head.number(notes).await, 50);
    assert_eq!(
        head.number("SELECT count(*) FROM items WHERE id = 11")
            .await,
        0
    );
    // Only what differed was sent again.
    let sent = "SELECT count(*) FROM officesync.difference d JOIN officesync.verification v ON v.id = d.verification \
                WHERE v.office = 'branch2' AND v.mode = 'repair'";
    let sent = head.number(sent).await;
    assert!((1..1_500).contains(&sent), "{sent} rows were sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_branch_is_left_behind_too() {
    let tables = ["items", "notes"];
    let mut company = Company::running(1, SCHEMA, &tables).await;
    company.office_mut(1).kill_relay();
    let head = company.head();
    head.run("ALTER DATABASE office SET officesync.max_backlog = '4kB'")
        .await;
    head.run("UPDATE officesync.peer SET last_seen_at = last_seen_at - interval '2 days'")
        .await;
    company.office_mut(0).kill_relay();
    company.office_mut(0).start_relay();
    let head = company.head();
    let add = "INSERT INTO notes (office) SELECT 'head' FROM generate_series(1, 500)";
    head.run(add).await;
    head.shows("SELECT count(*) FROM officesync.peer WHERE queue_gone", 1)
        .await;
    // What nobody will ever be sent is not kept either.
    head.run(add).await;
    head.shows("SELECT count(*) FROM officesync.tick", 1).await;
    company.office_mut(1).start_relay();
    converge::wait_equal(&company, &tables).await;
    company.head().run(add).await;
    converge::wait_equal(&company, &tables).await;
    assert_eq!(
        company.office(1).number("SELECT count(*) FROM notes").await,
        1500
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_left_behind_before_a_schema_change_is_told_what_to_do() {
    let tables = ["items", "notes"];
    let mut company = Company::running(2, SCHEMA, &tables).await;
    company.office_mut(2).kill_relay();
    let head = company.head();
    head.run("ALTER DATABASE office SET officesync.max_backlog = '1kB'")
        .await;
    head.run(SILENT).await;
    head.run("ALTER TABLE items ADD COLUMN note text").await;
    head.run("INSERT INTO notes (office) SELECT 'head' FROM generate_series(1, 1000)")
        .await;
    company.office_mut(0).kill_relay();
    company.office_mut(0).start_relay();
    company.head().shows(BEHIND, "1").await;
    company.office_mut(2).start_relay();
    let relay = company.office_mut(0).relay();
    wait::until("the branch to be refused", wait::SOON, async || {
        let log = relay.logged();
        let refused = log.contains("was left behind, and the schema has changed since");
        if refused { Ok(()) } else { Err(log) }
    })
    .await;
    assert_eq!(company.head().number(BEHIND).await, 1);
    let notes = "SELECT count(*) FROM notes";
    company.office(1).shows(notes, 1000).await;
}
