//! Offices are compared, row by row where they differ, with traffic running; and what differs is put right.

use std::time::Duration;

use officesync_e2e::company::Company;
use officesync_e2e::converge;
use officesync_e2e::office::Office;
use officesync_e2e::relay;
use officesync_e2e::seed::Seed;
use officesync_e2e::wait;
use officesync_e2e::workload::{self, SCHEMA, TABLES};

const ITEMS: &str = "
    CREATE TABLE items (id int, part text, note text, photo bytea, at timestamptz, PRIMARY KEY (part, id));
    CREATE TABLE prices (id int PRIMARY KEY, price numeric)";
const FILL: &str = "
    INSERT INTO items SELECT n, chr(97 + n % 7), 'item ' || n, decode(md5(n::text), 'hex'), '2026-01-01'::timestamptz + n * interval '1s'
    FROM generate_series(1, 12000) n;
    INSERT INTO prices SELECT n, n / 4.0 FROM generate_series(1, 100) n";

/// The verify command at the head: its exit code and what it printed.
pub(crate) async fn verify(head: &Office, arguments: &[&str]) -> (i32, String) {
    let mut all = vec!["verify"];
    all.extend(arguments);
    let environment = [
        (
            "OFFICESYNC_DATABASE_URL",
            head.settings.database_url.as_str(),
        ),
        ("OFFICESYNC_AMQP_URL", head.settings.amqp_url.as_str()),
    ];
    let output = relay::run_within(wait::RECOVERY, &all, &environment);
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.code().unwrap_or(-1), said.concat())
}

/// Runs a statement that no trigger sees.
pub(crate) async fn plant(office: &Office, table: &str, sql: &str) {
    office
        .run(&format!(
            "BEGIN; ALTER TABLE {table} DISABLE TRIGGER ALL; {sql};
             DO $$ DECLARE t name; BEGIN
                 FOR t IN SELECT tgname FROM pg_trigger WHERE tgrelid = '{table}'::regclass AND NOT tgisinternal LOOP
                     EXECUTE format('ALTER TABLE {table} ENABLE ALWAYS TRIGGER %I', t);
                 END LOOP; END $$; COMMIT"
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_byte_is_found_and_put_right() {
    let company = Company::running(2, ITEMS, &["items", "prices"]).await;
    company.head().run(FILL).await;
    converge::wait_equal(&company, &["items", "prices"]).await;
    let (code, said) = verify(company.head(), &[]).await;
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("public.items: 12000 rows, 0 differ"),
        "{said}"
    );

    let branch = company.office(1);
    plant(
        branch,
        "items",
        "UPDATE items SET photo = set_byte(photo, 7, get_byte(photo, 7) # 1) WHERE id = 7777",
    )
    .await;
    plant(branch, "items", "DELETE FROM items WHERE id IN (1, 12000)").await;
    plant(
        branch,
        "items",
        "INSERT INTO items VALUES (99999, 'z', 'planted', NULL, NULL)",
    )
    .await;
    let wrong = branch
        .value("SELECT photo::text FROM items WHERE id = 7777")
        .await;

    let (code, said) = verify(company.head(), &["--table", "items"]).await;
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("branch1: 4 rows differ") && said.contains("branch2: equal"),
        "{said}"
    );
    for row in [
        r#"public.items {"id": "7777", "part": "a"}: differs"#,
        r#"{"id": "1", "part": "b"}: missing there"#,
        r#"{"id": "12000", "part": "c"}: missing there"#,
        r#"{"id": "99999", "part": "z"}: only there"#,
    ] {
        let row = row.replace(": \"", ":\"").replace(", \"", ",\"");
        assert!(said.contains(&row), "{row}: {said}");
    }

    let (code, said) = verify(
        company.head(),
        &["--office", "branch1", "--repair", "--json"],
    )
    .await;
    assert_eq!(code, 0, "{said}");
    let kept =
        "SELECT there ->> 'photo', here ->> 'photo' <> there ->> 'photo' FROM officesync.difference
                WHERE key ->> 'id' = '7777' AND repaired_at IS NOT NULL";
    assert_eq!(company.head().rows(kept).await, [[wrong, "t".into()]]);
    converge::wait_equal(&company, &["items", "prices"]).await;
    let (code, said) = verify(company.head(), &[]).await;
    assert_eq!(code, 0, "{said}");
    let seen =
        "SELECT bool_and(verified_at IS NOT NULL AND differences = 0) FROM officesync.offices";
    company.head().shows(seen, "t").await;
}

/// A branch that joins with rows of its own: what it alone has goes to all, and the policy decides on the rest.
#[tokio::test(flavor = "multi_thread")]
async fn a_branch_with_rows_of_its_own_is_adopted() {
    let company = Company::running(2, ITEMS, &["items", "prices"]).await;
    company
        .head()
        .run("SELECT officesync.set_policy('prices', 'head_wins')")
        .await;
    company.head().run(FILL).await;
    converge::wait_equal(&company, &["items", "prices"]).await;
    let branch = company.office(1);
    plant(branch, "prices", "DELETE FROM prices WHERE id = 5").await;
    plant(
        branch,
        "prices",
        "INSERT INTO prices SELECT n, 1 FROM generate_series(1001, 2000) n",
    )
    .await;
    plant(branch, "prices", "UPDATE prices SET price = 0 WHERE id = 6").await;
    let (code, said) = verify(company.head(), &["--office", "branch1"]).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("1002 rows differ"), "{said}");
    let (code, said) = verify(company.head(), &["--office", "branch1", "--adopt"]).await;
    assert_eq!(code, 0, "{said}");
    converge::wait_equal(&company, &["items", "prices"]).await;
    let prices = "SELECT count(*), sum(price) FILTER (WHERE id = 6) FROM prices";
    assert_eq!(
        company.head().rows(prices).await,
        [["1100", "1.5000000000000000"]]
    );
    let ledger = "SELECT winner, theirs ->> 'price' FROM officesync.conflicts";
    assert_eq!(company.head().rows(ledger).await, [["head", "0"]]);
}

/// Everyone writes, conflicts and all, and every comparison says that they hold the same.
async fn nothing_is_found_in_health(times: usize) {
    let seed = Seed::of_run("verifying in health");
    let company = Company::running(2, SCHEMA, &TABLES).await;
    let traffic = workload::start_everywhere(&company, &seed, 1, Duration::from_millis(40)).await;
    for time in 1..=times {
        let (code, said) = verify(company.head(), &[]).await;
        assert_eq!(code, 0, "the {time}. time: {said}");
    }
    workload::stop_all(traffic).await;
    let compared =
        "SELECT bool_and(problem IS NULL) AND sum(rows) > 50 FROM officesync.verified_table
                    WHERE verification = (SELECT max(id) FROM officesync.verification)";
    assert_eq!(company.head().value(compared).await, "t");
    converge::wait_equal(&company, &TABLES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_found_in_health_while_everyone_works() {
    nothing_is_found_in_health(20).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes; run by `make soak`"]
async fn nothing_is_found_in_health_a_hundred_times() {
    nothing_is_found_in_health(100).await;
}

/// A branch leaves: its queue, what was kept for it and its rights are gone; it comes back only when it is let.
#[tokio::test(flavor = "multi_thread")]
async fn a_branch_leaves_and_is_let_in_again() {
    let company = Company::running(2, ITEMS, &["items", "prices"]).await;
    let (head, branch) = (company.head(), company.office(1));
    head.run("INSERT INTO prices VALUES (1, 1)").await;
    branch.shows("SELECT count(*) FROM prices", 1).await;
    head.run("SELECT officesync.remove_branch('branch1')").await;
    let gone = "SELECT count(queue_gone_at) FROM officesync.removed_branch";
    head.shows(gone, 1).await;
    branch.run("INSERT INTO prices VALUES (2, 2)").await;
    head.run("INSERT INTO prices VALUES (3, 3)").await;
    company
        .office(2)
        .shows("SELECT count(*) FROM prices", 2)
        .await;
    wait::until("the branch to be turned away", wait::RECOVERY, || async {
        match head.relay.as_ref().unwrap().logged() {
            log if log.contains(r#"office "branch1" was removed"#) => Ok(()),
            _ => Err("no word of it".to_owned()),
        }
    })
    .await;
    assert_eq!(head.number("SELECT count(*) FROM officesync.peer").await, 1);
    assert_eq!(
        branch.number("SELECT count(*) FROM prices").await,
        2,
        "its own stay"
    );
    head.run("SELECT officesync.readmit_branch('branch1')")
        .await;
    wait::until("the branch to be back", wait::RECOVERY, || async {
        match head.number("SELECT count(*) FROM officesync.peer").await {
            2 => Ok(()),
            peers => Err(format!("{peers} peers")),
        }
    })
    .await;
}

/// A head that compares by itself reports a planted row where everyone looks.
#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_found_in_the_background() {
    let mut company = Company::running(1, ITEMS, &["items", "prices"]).await;
    company
        .head()
        .run("INSERT INTO prices SELECT n, n FROM generate_series(1, 50) n")
        .await;
    converge::wait_equal(&company, &["prices"]).await;
    plant(
        company.office(1),
        "prices",
        "UPDATE prices SET price = -1 WHERE id = 30",
    )
    .await;
    company.office_mut(0).kill_relay();
    company
        .office_mut(0)
        .start_relay_with("OFFICESYNC_VERIFY_INTERVAL_S", "1");
    let differences = "SELECT differences FROM officesync.offices";
    company.head().shows(differences, 1).await;
    let warned = "SELECT count(*) FROM officesync.check() WHERE problem LIKE '1 rows differed%'";
    company.head().shows(warned, 1).await;
}

/// Of 200 000 rows 200 differ: what travels is a few hundredths of what all rows cost. (A row is some 90 bytes when
/// it is compressed; each that differs costs about 1.6 KB.)
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a minute; run by `make soak`"]
async fn adopting_carries_little_more_than_what_differs() {
    let company = Company::running(1, ITEMS, &["items", "prices"]).await;
    let (head, branch) = (company.head(), company.office(1));
    let carried = || {
        let (there, back) = branch.link.carried();
        there + back
    };
    let before = carried();
    head.run(
        "INSERT INTO items SELECT n, chr(97 + n % 7), 'item ' || md5(n::text), decode(md5(n || 'a') || md5(n || 'b') || md5(n || 'c') || md5(n || 'd'), 'hex'), now() FROM generate_series(1, 200000) n",
    )
    .await;
    converge::wait_equal(&company, &["items"]).await;
    let whole = carried() - before;
    plant(
        branch,
        "items",
        "UPDATE items SET note = 'other' WHERE id % 1000 = 7",
    )
    .await;
    let before = carried();
    let (code, said) = verify(head, &["--adopt", "--table", "items"]).await;
    assert_eq!(code, 0, "{said}");
    converge::wait_equal(&company, &["items"]).await;
    let part = carried() - before;
    println!("all rows: {whole} bytes; adopting with 200 that differ: {part} bytes");
    assert!(part * 100 < whole * 3, "{part} bytes of {whole}");
}
