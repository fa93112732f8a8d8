//! The offices tell one another how their tables are defined, and the relays say what `check()` finds.

use std::time::Duration;

use officesync_e2e::company::Company;
use officesync_e2e::converge;
use officesync_e2e::office::Office;
use officesync_e2e::relay;
use officesync_e2e::wait;

const PROBLEMS: &str = "SELECT coalesce(string_agg(problem, '; '), '') FROM officesync.check()";
/// Definitions are looked at every ten seconds; on a busy machine more rarely.
const A_WHILE: Duration = Duration::from_secs(60);

/// A column's type that differs is found at both sides and logged, and is gone after the ALTER.
#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_differs_between_offices_is_found_at_both_and_vanishes() {
    let mut company = Company::open(1).await;
    company
        .everywhere("CREATE TABLE items (id text PRIMARY KEY, amount integer)")
        .await;
    // Long enough for its definition to travel compressed.
    let wide = "DO $$ BEGIN EXECUTE format('CREATE TABLE wide (id int PRIMARY KEY, %s)', \
                (SELECT string_agg(format('column_number_%s numeric(10,2)', n), ', ') \
                 FROM generate_series(1, 800) n)); END $$";
    company.everywhere(wide).await;
    company
        .everywhere("SELECT officesync.track(t) FROM unnest('{items,wide}'::regclass[]) t")
        .await;
    company
        .office(1)
        .run("ALTER TABLE items ALTER amount TYPE bigint")
        .await;
    company.start_relays().await;
    shows(
        company.head(),
        "column amount is integer here and bigint at office \"branch1\"",
    )
    .await;
    shows(
        company.office(1),
        "column amount is bigint here and integer at office \"head\"",
    )
    .await;
    for office in company.offices_mut() {
        logs(office, "officesync.check() finds a problem").await;
        logs(office, "column amount is").await;
    }
    let head = company.head().settings.clone();
    let output = relay::run(
        &["check"],
        &[
            ("OFFICESYNC_DATABASE_URL", &head.database_url),
            ("OFFICESYNC_AMQP_URL", &head.amqp_url),
        ],
    );
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("WRONG    public.items: column amount"),
        "{said}"
    );

    company
        .head()
        .run("ALTER TABLE items ALTER amount TYPE bigint")
        .await;
    shows(company.head(), "").await;
    shows(company.office(1), "").await;
    for office in company.offices_mut() {
        logs(office, "a problem is gone").await;
        let logged = office.relay().logged();
        let told = logged.matches("finds a problem").count();
        assert_eq!(told, 1, "logged more than once:\n{logged}");
    }
    company
        .head()
        .run("INSERT INTO items VALUES ('one', 3000000000)")
        .await;
    converge::wait_equal(&company, &["items", "wide"]).await;
}

async fn shows(office: &Office, problem: &str) {
    let what = format!("check() at {} to say {problem:?}", office.name);
    wait::until(&what, A_WHILE, || async {
        let found = office.try_value(PROBLEMS).await?;
        if found == problem { Ok(()) } else { Err(found) }
    })
    .await;
}

async fn logs(office: &mut Office, words: &str) {
    let what = format!("the relay of {} to log {words:?}", office.name);
    let relay = office.relay();
    wait::until(&what, A_WHILE, || async {
        let logged = relay.logged();
        if logged.contains(words) {
            Ok(())
        } else {
            Err(logged)
        }
    })
    .await;
}
