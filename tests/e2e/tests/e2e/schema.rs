//! Schema changes travel with the data.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use officesync_e2e::company::Company;
use officesync_e2e::converge;
use officesync_e2e::office::Office;

const SCHEMA: &str = include_str!("schema/shop.sql");
/// One step a line; the head runs each as a transaction of its own.
const MIGRATION: &str = include_str!("schema/migration.sql");
/// The structure of the tracked tables, as text.
const STRUCTURE: &str = include_str!("schema/structure.sql");
const HALTED: &str = "SELECT count(*) FROM officesync.lanes WHERE halted_tick IS NOT NULL";

/// Writes what fits the schema that stands here at the moment, and counts what was committed.
struct Traffic {
    stop: Arc<AtomicBool>,
    sold: Arc<AtomicI64>,
    task: tokio::task::JoinHandle<()>,
}

impl Traffic {
    async fn at(office: &Office) -> Traffic {
        let client = office.connect().await;
        let (stop, sold) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicI64::new(0)),
        );
        let (stopped, counted, name) = (stop.clone(), sold.clone(), office.name.clone());
        // The columns and tables of before and after the migration.
        let sale = format!(
            "INSERT INTO sales (id, office, cents) VALUES (gen_random_uuid(), '{name}', 1)"
        );
        let later_sale = sale.replace("cents", "amount");
        let customer = format!("INSERT INTO customers (name, office) VALUES ('new', '{name}')");
        let later_customer = customer.replace(
            "customers (name, office) VALUES (",
            "clients (points, full_name, office) VALUES (1, ",
        );
        let change = format!(
            "UPDATE customers SET name = name || '.' \
             WHERE id = (SELECT id FROM customers WHERE office = '{name}' ORDER BY id LIMIT 1)"
        );
        let later_change = change
            .replace("customers", "clients")
            .replace("name = name", "full_name = full_name");
        let task = tokio::spawn(async move {
            while !stopped.load(Ordering::Relaxed) {
                for sql in [&sale, &later_sale] {
                    if client.batch_execute(sql).await.is_ok() {
                        counted.fetch_add(1, Ordering::Relaxed);
                    }
                }
                for sql in [&customer, &later_customer, &change, &later_change] {
                    // What does not fit the schema of the moment is refused, like any user's mistake.
                    let _ = client.batch_execute(sql).await;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        Traffic { stop, sold, task }
    }

    async fn end(self) -> i64 {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
        self.sold.load(Ordering::Relaxed)
    }
}

/// Thirty steps with traffic everywhere, one branch offline for the whole of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_under_traffic_with_a_branch_offline() {
    let tables = ["shops", "customers", "sales", "prices", "log", "old"];
    let mut company = Company::running(2, SCHEMA, &tables).await;
    company.head().run(include_str!("schema/rows.sql")).await;
    converge::wait_equal(&company, &tables).await;
    let mut traffic = Vec::new();
    for office in company.offices() {
        traffic.push(Traffic::at(office).await);
    }
    company.office_mut(2).kill_relay();

    let head = company.head();
    let steps: Vec<&str> = MIGRATION.split("\n\n").map(str::trim).collect();
    assert!(steps.len() >= 30, "{} steps", steps.len());
    for step in steps {
        head.run(step).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let structure = head.value(STRUCTURE).await;
    assert!(structure.contains("clients"), "{structure}");
    company.office(1).shows(STRUCTURE, &structure).await;
    let offline = company.office(2).value(STRUCTURE).await;
    assert!(
        offline.contains("customers"),
        "the offline branch has it already"
    );

    company.office_mut(2).start_relay();
    company.office(2).shows(STRUCTURE, &structure).await;
    let mut sold = 0;
    for office in traffic {
        sold += office.end().await;
    }
    let tables = ["shops", "clients", "archive.sales", "prices", "log", "tags"];
    converge::wait_equal(&company, &tables).await;
    for office in company.offices() {
        assert_eq!(
            office
                .number("SELECT count(*) FROM archive.sales WHERE id IS NOT NULL AND amount = 1")
                .await,
            sold,
            "{}",
            office.name
        );
        assert_eq!(office.number(HALTED).await, 0, "{}", office.name);
        assert_eq!(office.value(STRUCTURE).await, structure, "{}", office.name);
    }
}

/// A branch's own change of a tracked table is refused with what to do; what is local stays allowed.
#[tokio::test(flavor = "multi_thread")]
async fn a_branch_may_not_change_the_schema_by_itself() {
    let company = Company::running(
        1,
        "CREATE TABLE items (id text PRIMARY KEY, note text)",
        &["items"],
    )
    .await;
    let branch = company.office(1);
    for statement in [
        "ALTER TABLE items ADD COLUMN a int",
        "ALTER TABLE items RENAME TO things",
        "DROP TABLE items",
        "DROP SCHEMA public CASCADE",
        "DO $$ BEGIN EXECUTE 'ALTER TABLE items DROP COLUMN note'; END $$",
    ] {
        let refused = branch.try_run(statement).await.unwrap_err();
        assert!(
            refused.contains("authored at the head office (55000)"),
            "{statement}: {refused}"
        );
        assert!(
            refused.contains("Run the statement at the head"),
            "{statement}: {refused}"
        );
    }
    branch.run("CREATE INDEX ON items (note)").await;
    branch
        .run("CREATE TABLE own (id int); ALTER TABLE own ADD COLUMN a int; DROP TABLE own")
        .await;
    branch
        .run("SET session_replication_role = replica; ALTER TABLE items ADD COLUMN a int NOT NULL DEFAULT 1; RESET session_replication_role")
        .await;
    let found = "SELECT count(*) FROM officesync.check() WHERE problem LIKE '%column a %'";
    branch.shows(found, 1).await;
    company.head().shows(found, 1).await;
}

/// What fails at one branch halts that lane, with the reason; the others go on, and it does after the cure.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_fails_at_one_branch_halts_only_its_lane() {
    let company = Company::running(
        2,
        "CREATE TABLE items (id text PRIMARY KEY, note text)",
        &["items"],
    )
    .await;
    let (head, one, two) = (company.head(), company.office(1), company.office(2));
    one.run("CREATE VIEW seen AS SELECT note FROM items").await;
    head.run("ALTER TABLE items DROP COLUMN note").await;
    head.run(
        "ALTER TABLE items ADD COLUMN price numeric DEFAULT 1.5; INSERT INTO items VALUES ('a', 2)",
    )
    .await;
    one.shows(HALTED, 1).await;
    let reason = one
        .value("SELECT reason FROM officesync.lanes WHERE halted_tick IS NOT NULL")
        .await;
    assert!(reason.contains("other objects depend on it"), "{reason}");
    two.shows("SELECT string_agg(id || price, ' ') FROM items", "a2")
        .await;
    // What is tracked anew comes with the table, wherever it is not there.
    head.run("CREATE TYPE size AS ENUM ('small'); CREATE TABLE made (id int PRIMARY KEY, size size DEFAULT 'small'); SELECT officesync.track('made', 'down'); INSERT INTO made VALUES (1)").await;
    // A label can be used once the transaction that adds it is over: here both are one tick.
    head.run("ALTER TYPE size ADD VALUE 'large'").await;
    head.run("INSERT INTO made VALUES (2, 'large')").await;
    two.shows(
        "SELECT string_agg(size::text, ' ' ORDER BY id) FROM made",
        "small large",
    )
    .await;
    one.run("DROP VIEW seen").await;
    one.run("SELECT officesync.retry('head')").await;
    one.shows(
        "SELECT string_agg(size::text, ' ' ORDER BY id) FROM made",
        "small large",
    )
    .await;
    let refused = one
        .try_run("INSERT INTO made VALUES (3)")
        .await
        .unwrap_err();
    assert!(refused.contains("authored at the head office"), "{refused}");
    head.run("SELECT officesync.untrack('made', force => true)")
        .await;
    for office in [one, two] {
        office
            .shows("SELECT count(*) FROM officesync.tracked_tables", 1)
            .await;
        assert_eq!(office.number("SELECT count(*) FROM made").await, 2);
    }
    converge::wait_equal(&company, &["items"]).await;
    assert_eq!(one.number(HALTED).await, 0);
}
