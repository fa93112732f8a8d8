//! What cannot be applied pauses its own origin's lane, and no other (promise 11).

use officesync_e2e::company::Company;
use officesync_e2e::converge;

const SCHEMA: &str = "CREATE TABLE items (id text PRIMARY KEY, note text)";
const HALTED: &str =
    "SELECT count(*) FROM officesync.lanes WHERE origin = 'branch1' AND halted_tick IS NOT NULL";

/// A company whose head refuses the note `bad`.
async fn strict() -> Company {
    let mut company = Company::open(2).await;
    company.everywhere(SCHEMA).await;
    company
        .head()
        .run(
            "CREATE FUNCTION strict() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN IF NEW.note = 'bad' THEN RAISE 'no bad notes'; END IF; RETURN NEW; END $$;
             CREATE TRIGGER strict BEFORE INSERT OR UPDATE ON items FOR EACH ROW EXECUTE FUNCTION strict();
             ALTER TABLE items ENABLE ALWAYS TRIGGER strict",
        )
        .await;
    company
        .everywhere("SELECT officesync.track('items', 'both')")
        .await;
    company.start_relays().await;
    company
}

#[tokio::test(flavor = "multi_thread")]
async fn a_halted_lane_holds_back_nobody_else_and_goes_on_after_retry() {
    let company = strict().await;
    company
        .office(1)
        .run("INSERT INTO items VALUES ('one', 'bad')")
        .await;
    company.head().shows(HALTED, 1).await;
    company
        .office(1)
        .run("INSERT INTO items VALUES ('two', 'good')")
        .await;
    company
        .office(2)
        .run("INSERT INTO items VALUES ('three', 'good')")
        .await;
    company
        .head()
        .run("INSERT INTO items VALUES ('four', 'good')")
        .await;
    for office in [company.head(), company.office(2)] {
        office
            .shows(
                "SELECT string_agg(id, ' ' ORDER BY id) FROM items",
                "four three",
            )
            .await;
    }
    company
        .office(1)
        .shows("SELECT count(*) FROM items", 4)
        .await;

    company.head().run("DROP TRIGGER strict ON items").await;
    company
        .head()
        .run("SELECT officesync.retry('branch1')")
        .await;
    company.head().shows("SELECT count(*) FROM items", 4).await;
    company.head().shows(HALTED, 0).await;
    converge::wait_equal(&company, &["items"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_skipped_is_recorded() {
    let company = strict().await;
    company
        .office(1)
        .run("INSERT INTO items VALUES ('one', 'bad')")
        .await;
    company.head().shows(HALTED, 1).await;
    company
        .office(1)
        .run("INSERT INTO items VALUES ('two', 'good')")
        .await;
    let tick = company
        .head()
        .number("SELECT halted_tick FROM officesync.lanes WHERE origin = 'branch1'")
        .await;
    company
        .head()
        .run(&format!("SELECT officesync.skip('branch1', {tick})"))
        .await;
    company
        .head()
        .shows("SELECT string_agg(id, ' ') FROM items", "two")
        .await;
    company
        .office(2)
        .shows("SELECT string_agg(id, ' ') FROM items", "two")
        .await;
    company.head().shows(HALTED, 0).await;
    let recorded = format!(
        "SELECT count(*) FROM officesync.quarantine WHERE origin = 'branch1' AND tick = {tick}"
    );
    assert!(
        company.head().number(&recorded).await >= 1,
        "the skipped tick stands nowhere"
    );
}
