//! A branch with an empty database joins: it gets the head's tables and their rows, while everyone works.

use std::time::Duration;

use officesync_e2e::broker::Broker;
use officesync_e2e::company::Company;
use officesync_e2e::converge;
use officesync_e2e::office::Office;
use officesync_e2e::relay;
use officesync_e2e::seed::Seed;
use officesync_e2e::wait;
use officesync_e2e::workload::{self, SCHEMA, TABLES};

/// So that there are many chunks, read over seconds, and what is lost with a relay is read again soon.
const SMALL_CHUNKS: &str = "officesync.load_chunk_bytes = '128kB'\nofficesync.load_rate = '6MB'\n\
                            officesync.reading_timeout = '15s'";
const REST: Duration = Duration::from_millis(20);

/// Tables of every kind, which exist at the head only.
const SHAPES: &str = "
    CREATE TYPE mood AS ENUM ('sad', 'happy');
    CREATE DOMAIN percent AS numeric(5,2) CHECK (value BETWEEN 0 AND 100);
    CREATE SCHEMA depot;
    CREATE TABLE depot.shelves (code text PRIMARY KEY, mood mood NOT NULL DEFAULT 'happy', rate percent);
    CREATE TABLE depot.items (
        id bigserial PRIMARY KEY, shelf text REFERENCES depot.shelves, amount numeric NOT NULL CHECK (amount > 0),
        twice numeric GENERATED ALWAYS AS (amount * 2) STORED, code int UNIQUE, tags text[]);
    CREATE INDEX ON depot.items (shelf, amount DESC) WHERE amount > 1;
    CREATE TABLE depot.visits (day date, who int, note text, PRIMARY KEY (day, who)) PARTITION BY RANGE (day);
    CREATE TABLE depot.visits_1 PARTITION OF depot.visits FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
    CREATE TABLE depot.visits_2 PARTITION OF depot.visits DEFAULT;
    CREATE TABLE depot.marks (a int, b text);
    ALTER TABLE depot.marks REPLICA IDENTITY FULL;
    CREATE TABLE depot.prices (item text PRIMARY KEY, price numeric);
    CREATE TABLE depot.reports (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), note text);
    INSERT INTO depot.shelves SELECT 's' || i, (ARRAY['sad', 'happy'])[1 + i % 2]::mood, i % 100 FROM generate_series(1, 40) i;
    INSERT INTO depot.items (shelf, amount, code, tags)
        SELECT 's' || 1 + i % 40, i / 7.0, i, ARRAY['a' || i, NULL] FROM generate_series(1, 6000) i;
    INSERT INTO depot.visits SELECT '2024-01-01'::date + i % 60, i, 'n' || i FROM generate_series(1, 3000) i;
    INSERT INTO depot.marks SELECT i % 5, 'm' FROM generate_series(1, 50) i;
    INSERT INTO depot.prices SELECT 'p' || i, i FROM generate_series(1, 500) i;
    SELECT officesync.spread_ids('depot.items');
    SELECT officesync.track(t) FROM unnest('{depot.shelves, depot.items, depot.visits, depot.marks}'::regclass[]) t;
    SELECT officesync.track('depot.prices', 'down');
    SELECT officesync.track('depot.reports', 'up')";
const SHAPED: [&str; 6] = [
    "depot.shelves",
    "depot.items",
    "depot.visits",
    "depot.marks",
    "depot.prices",
    "depot.reports",
];

/// The statements that make an office's tables, all of them.
async fn definitions(office: &Office) -> String {
    office
        .value(
            "SELECT string_agg(d.statement, E'\\n') FROM officesync.definitions(
                 (SELECT array_agg(t.relation ORDER BY t.relation::text) FROM officesync.tracked t)) d",
        )
        .await
}

/// Tables, types, keys, indexes and constraints are made as they are at the head; the command shows how far it is
/// and ends well; then the branch is one like any other.
#[tokio::test(flavor = "multi_thread")]
async fn a_branch_with_nothing_gets_tables_rows_and_rules() {
    let mut company = Company::open(1).await;
    company.head().run(SHAPES).await;
    company
        .head()
        .run("SELECT officesync.set_policy('depot.items', 'head_wins')")
        .await;
    company.office_mut(0).start_relay();
    let branch = company.office(1);
    let environment = [
        (
            "OFFICESYNC_DATABASE_URL",
            branch.settings.database_url.as_str(),
        ),
        ("OFFICESYNC_AMQP_URL", branch.settings.amqp_url.as_str()),
    ];
    let output = relay::run(&["join"], &environment);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let logged = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}\n{logged}");
    assert!(said.contains("joined: 9591 rows"), "{said}");
    assert_eq!(definitions(company.head()).await, definitions(branch).await);
    let tracked = "SELECT string_agg(t::text, ',' ORDER BY t::text) FROM \
                   (SELECT relation::text, direction FROM officesync.tracked) t";
    assert_eq!(
        company.head().value(tracked).await,
        branch.value(tracked).await
    );
    assert_eq!(
        branch.value("SELECT policy FROM officesync.policy").await,
        "head_wins"
    );
    company.office_mut(1).start_relay();
    // Both draw ids, and no two the same.
    for office in company.offices() {
        office
            .run("INSERT INTO depot.items (shelf, amount) SELECT 's1', 1 FROM generate_series(1, 20)")
            .await;
    }
    company
        .office(1)
        .run("INSERT INTO depot.reports (note) VALUES ('by the branch')")
        .await;
    let refused = company
        .office(1)
        .try_run("UPDATE depot.prices SET price = 0")
        .await;
    assert!(refused.unwrap_err().contains("authored at the head"));
    let broken = company
        .office(1)
        .try_run("INSERT INTO depot.items (shelf, amount) VALUES ('nowhere', 1)")
        .await;
    assert!(broken.unwrap_err().contains("items_shelf_fkey"));
    let census = converge::wait_equal(&company, &SHAPED).await;
    assert_eq!(census.tables[1].1[0].rows, 6040);
}

/// Who could not be loaded is told why, at both offices, and it goes on when the cause is gone.
#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_made_is_told_and_made_later() {
    let mut company = Company::open(1).await;
    let head = company.head();
    head.run(
        "CREATE FUNCTION is_nice(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 <> ''ugly''';
         CREATE TABLE items (id int PRIMARY KEY, note text DEFAULT 'x' CHECK (is_nice(note)));
         CREATE TABLE late (id int PRIMARY KEY, day date DEFAULT now());
         INSERT INTO items SELECT i, 'n' || i FROM generate_series(1, 100) i;
         SELECT officesync.track('items'), officesync.track('late')",
    )
    .await;
    company.office(1).run("CREATE TABLE items (id int PRIMARY KEY, note text); INSERT INTO items VALUES (1, 'here')").await;
    company.office_mut(1).settings.environment = vec![("OFFICESYNC_JOIN".into(), "empty".into())];
    for office in company.offices_mut() {
        office.start_relay();
    }
    let error = "SELECT coalesce(error, '') LIKE '%items has rows at this office already%' FROM officesync.loads";
    company.head().shows(error, "t").await;
    company.office(1).shows(error, "t").await;
    company.office(1).run("DROP TABLE items").await;
    company.office_mut(1).kill_relay();
    company.office_mut(1).start_relay();
    // The rows come; the rule needs a function that nobody has made there.
    company
        .office(1)
        .shows("SELECT coalesce(error, '') LIKE '%is_nice(text) does not exist%' FROM officesync.loads", "t")
        .await;
    company
        .office(1)
        .shows("SELECT count(*) FROM items", 100)
        .await;
    let refused = company.office(1).try_run("DELETE FROM items").await;
    assert!(
        refused
            .unwrap_err()
            .contains("is being loaded from the head office")
    );
    company
        .office(1)
        .run("CREATE FUNCTION is_nice(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 <> ''ugly'''")
        .await;
    company
        .office(1)
        .shows("SELECT state FROM officesync.loads", "done")
        .await;
    company
        .office(1)
        .run("UPDATE items SET note = 'mine' WHERE id = 1")
        .await;
    converge::wait_equal(&company, &["items", "late"]).await;
}

struct Joining {
    company: Company,
    traffic: Vec<workload::Traffic>,
    joiner: usize,
}

/// A head with so many rows, two branches, traffic at all three, and a third branch that begins to join.
async fn begin(seed: &Seed, rows: u64) -> Joining {
    let broker = Broker::shared().await;
    let mut company = Company::open_with(broker, 2, SMALL_CHUNKS).await;
    company.everywhere(SCHEMA).await;
    // The old rows are at all offices alike, as if they had travelled long ago.
    let old = format!(
        "INSERT INTO product_sales (id, date, region, product, quantity, cost, updated_at)
         SELECT md5('s' || i)::uuid, '2024-01-01', 'old', 'product ' || i % 100, i % 7, i / 3.0, '2024-01-01' \
         FROM generate_series(1, {rows}) i;
         INSERT INTO customers SELECT md5('c' || i)::uuid, 'old', 'customer ' || i, '2024-01-01' \
         FROM generate_series(1, {rows} / 10) i"
    );
    company.everywhere(&old).await;
    company.found("", &TABLES).await;
    let traffic = workload::start_everywhere(&company, seed, 1, REST).await;
    let joiner = company.add_branch(broker).await;
    company.office_mut(joiner).settings.environment =
        vec![("OFFICESYNC_JOIN".into(), "empty".into())];
    company.office_mut(joiner).start_relay();
    Joining {
        company,
        traffic,
        joiner,
    }
}

/// Waits until the joining branch has taken so many rows, or has joined.
async fn taken(office: &Office, rows: u64) {
    let sql = format!(
        "SELECT count(*) FROM officesync.loads WHERE rows >= {rows} OR state IN ('after rows', 'done')"
    );
    office.shows(&sql, 1).await;
}

/// Kills a relay, of the head or of the joiner, so many times, spread over the loading of `rows`.
async fn kill_again_and_again(joining: &mut Joining, seed: &mut Seed, rows: u64, times: u64) {
    for time in 0..times {
        let threshold = rows * (time + 1) / (times + 1) + seed.below(rows / 20);
        taken(joining.company.office(joining.joiner), threshold).await;
        let victim = if (time + seed.below(2)).is_multiple_of(2) {
            0
        } else {
            joining.joiner
        };
        let office = joining.company.office_mut(victim);
        office.kill_relay();
        office.start_relay();
    }
}

async fn finish(joining: Joining) {
    let Joining {
        company,
        traffic,
        joiner,
    } = joining;
    let name = company.office(joiner).name.clone();
    wait::until("the branch to have joined", 10 * wait::RECOVERY, || async {
        let sql =
            "SELECT concat_ws(' ', state, rows, chunks, chunks_again, error) FROM officesync.loads";
        let said = company.office(joiner).try_value(sql).await?;
        if said.starts_with("done") {
            Ok(())
        } else {
            Err(said)
        }
    })
    .await;
    let books = workload::stop_all(traffic).await;
    converge::wait_equal(&company, &TABLES).await;
    for office in company.offices() {
        workload::audit(office, &books).await.unwrap();
    }
    let counts =
        format!("SELECT chunks, chunks_again FROM officesync.loads WHERE office = '{name}'");
    let counts = company.head().rows(&counts).await;
    let number = |column: usize| counts[0][column].parse::<f64>().unwrap();
    println!("{} chunks, {} of them read again", number(0), number(1));
    assert!(
        number(1) < 0.05 * number(0),
        "too many chunks were sent twice"
    );
}

/// The promise of joining: everybody works, relays die, and all is equal at the end; little is sent twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_third_branch_joins_under_traffic_while_relays_die() {
    const ROWS: u64 = 200_000;
    let mut seed = Seed::of_run("joining under traffic");
    let mut joining = begin(&seed, ROWS).await;
    kill_again_and_again(&mut joining, &mut seed, ROWS, 5).await;
    finish(joining).await;
}

/// The same with 5 million rows, killed five times on each side.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes of work: make soak"]
async fn soak_a_third_branch_joins_with_5_million_rows() {
    const ROWS: u64 = 5_000_000;
    let mut seed = Seed::of_run("joining with 5 million rows");
    let mut joining = begin(&seed, ROWS).await;
    joining
        .company
        .head()
        .run("ALTER SYSTEM RESET officesync.load_rate; ")
        .await;
    kill_again_and_again(&mut joining, &mut seed, ROWS, 10).await;
    finish(joining).await;
}
