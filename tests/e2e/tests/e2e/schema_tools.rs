//! Migrations as common tools run them, while a branch is away and writes under the old schema.

use officesync_e2e::company::Company;
use officesync_e2e::converge;
use officesync_e2e::office::Office;

const STRUCTURE: &str = include_str!("schema/structure.sql");
const TABLES: &str = "SELECT relation::text FROM officesync.tracked ORDER BY 1";
const HALTED: &str = "SELECT count(*) FROM officesync.lanes WHERE halted_tick IS NOT NULL";
const AWAY: &str = "-- the branch is away from here on";

/// How a tool sends its script.
enum Sent {
    ByStatement,
    InOneString,
}

impl Sent {
    async fn run(&self, head: &Office, script: &str) {
        match self {
            Self::InOneString => head.run(script).await,
            Self::ByStatement => {
                for statement in script.split_inclusive(";\n") {
                    head.run(statement).await;
                }
            }
        }
    }
}

/// What a migration meets, and what comes of it.
struct Story {
    script: &'static str,
    sent: Sent,
    /// What the branch's users write while it is away.
    at_branch: &'static str,
    /// What a person decides at the head when all have met.
    decides: &'static str,
    /// A count at the head that is 1 in the end.
    arrived: &'static str,
}

async fn migrates(story: Story) {
    let Story { script, sent, .. } = story;
    let mut company = Company::running(1, "", &[]).await;
    let (before, after) = script.split_once(AWAY).expect("two parts");
    sent.run(company.head(), before).await;
    all_alike(&company).await;

    company.office_mut(1).kill_relay();
    company.office(1).run(story.at_branch).await;
    sent.run(company.head(), after).await;
    company.office_mut(1).start_relay();
    all_alike(&company).await;
    company.head().run(story.decides).await;
    all_alike(&company).await;
    let arrived = company.head().number(story.arrived).await;
    assert_eq!(arrived, 1, "{}", story.arrived);
}

async fn all_alike(company: &Company) {
    let structure = company.head().value(STRUCTURE).await;
    company.office(1).shows(STRUCTURE, &structure).await;
    let tables: Vec<String> = company.head().rows(TABLES).await.concat();
    let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
    converge::wait_equal(company, &tables).await;
    for office in company.offices() {
        assert_eq!(office.number(HALTED).await, 0, "{}", office.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_of_django() {
    migrates(Story {
        script: include_str!("schema/tools/django.sql"),
        sent: Sent::ByStatement,
        at_branch: "INSERT INTO stock_article VALUES (gen_random_uuid(), 'salt', 3.25);
            INSERT INTO stock_sale SELECT gen_random_uuid(), id, 7, now() FROM stock_article",
        // The column that has no default any more was filled at the head, in the rows that were there.
        decides: r#"SELECT officesync.resolve(id, theirs || '{"note": ""}') FROM officesync.conflicts
            WHERE kind = 'constraint_violated' AND state = 'parked'"#,
        arrived: "SELECT count(*) FROM stock_sale JOIN stock_product p ON p.id = article_id
            WHERE quantity = 7 AND note = '' AND code = 'none' AND price = 3.25",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_of_rails() {
    migrates(Story {
        script: include_str!("schema/tools/rails.sql"),
        sent: Sent::ByStatement,
        at_branch: "UPDATE products SET price = 2.75 WHERE name = 'tea';
            INSERT INTO reviews (product_id, stars) SELECT id, 5 FROM products WHERE name = 'tea'",
        decides: "",
        arrived: "SELECT count(*) FROM reviews JOIN articles a ON a.id = product_id
            WHERE rating = 5 AND price = 2.75 AND sku = 'TEA'",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_of_flyway_and_sqlx() {
    migrates(Story {
        script: include_str!("schema/tools/flyway.sql"),
        sent: Sent::InOneString,
        at_branch: "INSERT INTO invoices (number, total) VALUES ('B1', 12.34)",
        // What USING makes of the branch's value is not known there: it waits, and the row with it.
        decides: r#"SELECT officesync.resolve(id, theirs || '{"cents": "1234"}') FROM officesync.conflicts
            WHERE kind = 'constraint_violated' AND state = 'parked'"#,
        arrived: "SELECT count(*) FROM invoices i, officesync.conflicts c WHERE i.number = 'B1' AND i.cents = 1234
            AND c.kind = 'type_changed' AND c.theirs ->> 'total' = '12.34'",
    })
    .await;
}
