//! The link by hand: pausing, windows, and syncing once.

use std::time::Duration;

use officesync_e2e::company::Company;
use officesync_e2e::converge;
use officesync_e2e::office::Office;
use officesync_e2e::relay;
use officesync_e2e::wait;

const ITEMS: &str = "CREATE TABLE items (id text PRIMARY KEY, n int NOT NULL DEFAULT 0)";
const COUNT: &str = "SELECT count(*) FROM items";

fn sync_once(office: &Office) -> (i32, String) {
    let environment = [
        (
            "OFFICESYNC_DATABASE_URL",
            office.settings.database_url.as_str(),
        ),
        ("OFFICESYNC_AMQP_URL", office.settings.amqp_url.as_str()),
    ];
    let arguments = ["sync", "--once", "--patience", "100"];
    let output = relay::run_within(wait::RECOVERY, &arguments, &environment);
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.code().unwrap_or(-1), said.concat())
}

/// A laptop comes by: all it has written is sent, all that waited for it is applied, and the command ends.
#[tokio::test(flavor = "multi_thread")]
async fn one_sync_carries_everything_both_ways() {
    let mut company = Company::running(2, ITEMS, &["items"]).await;
    let (code, said) = sync_once(company.office(1));
    assert_eq!(code, 3, "its relay runs: {said}");
    company.office_mut(1).kill_relay();
    company
        .head()
        .run("INSERT INTO items SELECT 'h' || n FROM generate_series(1, 3000) n")
        .await;
    company
        .office(1)
        .run("INSERT INTO items SELECT 'b' || n FROM generate_series(1, 3000) n")
        .await;
    company.office(2).shows(COUNT, 3000).await;
    let (code, said) = sync_once(company.office(1));
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("sent 1 ticks; applied "), "{said}");
    assert_eq!(company.office(1).number(COUNT).await, 6000);
    company.office(2).shows(COUNT, 6000).await;
    let unsent =
        "SELECT unsent_changes OR acknowledged_tick < last_tick FROM officesync.outbox_status";
    assert_eq!(
        company.office(1).value(unsent).await,
        "f",
        "the echo came too"
    );
    converge::wait_equal(&company, &["items"]).await;
}

/// Paused, nothing travels and nothing is lost; each direction by itself, and one branch's lane at the head.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_paused_waits() {
    let company = Company::running(2, ITEMS, &["items"]).await;
    let (head, branch) = (company.head(), company.office(1));
    branch
        .run("SELECT officesync.pause(direction => 'send')")
        .await;
    closed(&company, 1, "sending=false receiving=true").await;
    branch
        .run("INSERT INTO items VALUES ('from branch1')")
        .await;
    head.run("INSERT INTO items VALUES ('from head')").await;
    branch.shows(COUNT, 2).await;
    company.office(2).shows(COUNT, 1).await;
    wait::never(
        "a paused change to travel",
        Duration::from_secs(1),
        || async {
            match head.number(COUNT).await {
                1 => Ok(()),
                count => Err(format!("{count} rows")),
            }
        },
    )
    .await;
    branch
        .run("SELECT officesync.resume(); SELECT officesync.pause('head', 'receive')")
        .await;
    head.shows(COUNT, 2).await;
    closed(&company, 1, "sending=true receiving=false").await;
    head.run("INSERT INTO items VALUES ('later')").await;
    company.office(2).shows(COUNT, 3).await;
    assert_eq!(branch.number(COUNT).await, 2);
    branch.run("SELECT officesync.resume()").await;
    branch.shows(COUNT, 3).await;

    head.run("SELECT officesync.pause('branch1', 'receive')")
        .await;
    branch
        .run("INSERT INTO items VALUES ('kept at the head')")
        .await;
    head.shows(
        "SELECT waiting_ticks > 0 FROM officesync.lanes WHERE origin = 'branch1'",
        "t",
    )
    .await;
    assert_eq!(head.number(COUNT).await, 3);
    head.run("SELECT officesync.resume('branch1')").await;
    company.office(2).shows(COUNT, 4).await;
    converge::wait_equal(&company, &["items"]).await;
}

/// Outside its window an office works by itself; inside it catches up.
#[tokio::test(flavor = "multi_thread")]
async fn outside_its_window_the_link_is_left_alone() {
    let mut company = Company::running(1, ITEMS, &["items"]).await;
    company.office_mut(1).kill_relay();
    let branch = company.office(1);
    // A window of two hours, the one before the last or the next but one: by the database's clock.
    let away = "SELECT to_char(t, 'HH24:MI-') || to_char(t + interval '2 hours', 'HH24:MI')
                FROM (SELECT (clock_timestamp() + interval '6 hours')::time) AS w (t)";
    let window = branch.value(away).await;
    company
        .office_mut(1)
        .start_relay_with("OFFICESYNC_WINDOW", &window);
    closed(&company, 1, "sending=false receiving=false").await;
    company
        .head()
        .run("INSERT INTO items VALUES ('from head')")
        .await;
    company
        .office(1)
        .run("INSERT INTO items VALUES ('from branch1')")
        .await;
    wait::never("a change to travel", Duration::from_secs(1), || async {
        match company.head().number(COUNT).await + company.office(1).number(COUNT).await {
            2 => Ok(()),
            count => Err(format!("{count} rows")),
        }
    })
    .await;
    // It is time now, because the office has moved.
    company
        .office(1)
        .run("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET TimeZone = ''UTC-7''', current_database()); END $$")
        .await;
    company.office_mut(1).kill_relay();
    company
        .office_mut(1)
        .start_relay_with("OFFICESYNC_WINDOW", &window);
    converge::wait_equal(&company, &["items"]).await;
    assert_eq!(company.head().number(COUNT).await, 2);
}

/// Waits until the relay has said that its link is used no more.
async fn closed(company: &Company, number: usize, how: &str) {
    let relay = company.office(number).relay.as_ref().unwrap();
    wait::until("the link to be left alone", wait::SOON, || async {
        match relay.logged() {
            log if log.contains(how) => Ok(()),
            log => Err(log),
        }
    })
    .await;
}
