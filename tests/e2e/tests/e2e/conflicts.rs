//! Offices change the same rows while they cannot see each other.

use officesync_e2e::company::Company;
use officesync_e2e::converge;
use officesync_e2e::seed::Seed;
use std::time::{Duration, Instant};

const ITEMS: &str = "CREATE TABLE items (id int PRIMARY KEY, name text, price numeric, stock int, \
     code text UNIQUE)";
const LEDGER: &str = "officesync.conflicts";

/// A head, two branches, and one item that everyone knows.
async fn company() -> Company {
    let company = Company::running(2, ITEMS, &["items"]).await;
    company
        .head()
        .run("INSERT INTO items VALUES (1, 'tea', 2.50, 100, 'T')")
        .await;
    converge::wait_equal(&company, &["items"]).await;
    company
}

/// Everyone is online again: all equal, the ledger too.
async fn settled(company: &mut Company) {
    company.start_relays().await;
    converge::wait_equal(company, &["items", LEDGER]).await;
}

fn all_offline(company: &mut Company) {
    for office in company.offices_mut() {
        office.kill_relay();
    }
}

async fn item(company: &Company, column: &str) -> String {
    let sql = format!("SELECT {column} FROM items WHERE id = 1");
    company.head().value(&sql).await
}

/// The kinds in the ledger, in order, with their winners.
async fn ledger(company: &Company) -> Vec<Vec<String>> {
    let sql = "SELECT kind, winner, state FROM officesync.conflicts ORDER BY id";
    company.office(1).rows(sql).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_later_edit_wins_although_the_earlier_one_arrives_last() {
    let mut company = company().await;
    company.office_mut(1).kill_relay();
    company.office_mut(2).kill_relay();
    let ten = "UPDATE items SET name = 'of ten o''clock' WHERE id = 1";
    company.office(1).run(ten).await;
    let eleven = "UPDATE items SET name = 'of eleven o''clock' WHERE id = 1";
    company.office(2).run(eleven).await;
    company.office_mut(2).start_relay();
    company
        .head()
        .shows("SELECT name FROM items", "of eleven o'clock")
        .await;
    settled(&mut company).await;
    assert_eq!(item(&company, "name").await, "of eleven o'clock");
    assert_eq!(
        ledger(&company).await,
        [["update_origin_differs", "head", "resolved"]]
    );
    let sql = "SELECT origin, ours_by, base ->> 'name', ours ->> 'name', theirs ->> 'name', result ->> 'name' \
               FROM officesync.conflicts";
    assert_eq!(
        company.office(2).rows(sql).await,
        [[
            "branch1",
            "branch2",
            "tea",
            "of eleven o'clock",
            "of ten o'clock",
            "of eleven o'clock"
        ]]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_earlier_edit_loses_although_it_arrives_first() {
    let mut company = company().await;
    all_offline(&mut company);
    company
        .office(1)
        .run("UPDATE items SET name = 'first' WHERE id = 1")
        .await;
    company
        .office(2)
        .run("UPDATE items SET name = 'second' WHERE id = 1")
        .await;
    company.office_mut(0).start_relay();
    company.office_mut(1).start_relay();
    company
        .head()
        .shows("SELECT name FROM items", "first")
        .await;
    settled(&mut company).await;
    assert_eq!(item(&company, "name").await, "second");
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_of_different_columns_go_together() {
    let mut company = company().await;
    all_offline(&mut company);
    company
        .head()
        .run("UPDATE items SET price = 3 WHERE id = 1")
        .await;
    company
        .office(1)
        .run("UPDATE items SET name = 'green tea' WHERE id = 1")
        .await;
    company
        .office(2)
        .run("UPDATE items SET stock = 90 WHERE id = 1")
        .await;
    settled(&mut company).await;
    assert_eq!(
        item(&company, "(name, price, stock)").await,
        "(\"green tea\",3,90)"
    );
    assert!(ledger(&company).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn sales_of_one_item_at_three_offices_add_up() {
    let mut company = company().await;
    company
        .head()
        .run("SELECT officesync.set_policy('items', 'sum', 'stock')")
        .await;
    for _ in 0..3 {
        all_offline(&mut company);
        for (office, sold) in [(0, 5), (1, 7), (1, 1), (2, 7)] {
            let sql = format!("UPDATE items SET stock = stock - {sold} WHERE id = 1");
            company.office(office).run(&sql).await;
        }
        settled(&mut company).await;
    }
    assert_eq!(item(&company, "stock").await, "40");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_and_a_delete_go_by_their_times() {
    let mut company = company().await;
    company
        .head()
        .run("INSERT INTO items VALUES (2, 'coffee', 5, 10, 'C')")
        .await;
    converge::wait_equal(&company, &["items"]).await;
    all_offline(&mut company);
    // 1 is deleted later, 2 is changed later.
    company
        .office(1)
        .run("UPDATE items SET name = 'kept?' WHERE id = 1")
        .await;
    company
        .office(1)
        .run("DELETE FROM items WHERE id = 2")
        .await;
    company
        .office(2)
        .run("DELETE FROM items WHERE id = 1")
        .await;
    company
        .office(2)
        .run("UPDATE items SET name = 'kept' WHERE id = 2")
        .await;
    settled(&mut company).await;
    let sql = "SELECT id, name FROM items";
    for office in company.offices() {
        assert_eq!(office.rows(sql).await, [["2", "kept"]], "{}", office.name);
    }
    assert_eq!(ledger(&company).await.len(), 2);
    // What lost comes back, as a change like any other.
    let lost = "SELECT officesync.undo(id) FROM officesync.conflicts WHERE key ->> 'id' = '1'";
    company.head().run(lost).await;
    converge::wait_equal(&company, &["items", LEDGER]).await;
    let back = company
        .office(2)
        .value("SELECT name FROM items WHERE id = 1");
    assert!(["kept?", "tea"].contains(&back.await.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_inserts_of_one_key_become_one_row() {
    let mut company = company().await;
    all_offline(&mut company);
    company
        .office(1)
        .run("INSERT INTO items VALUES (7, 'from 1', 1, 1, 'A')")
        .await;
    company
        .office(2)
        .run("INSERT INTO items VALUES (7, 'from 2', 2, 2, 'B')")
        .await;
    settled(&mut company).await;
    let sql = "SELECT name FROM items WHERE id = 7";
    assert_eq!(company.office(1).value(sql).await, "from 2");
    assert_eq!(ledger(&company).await[0][0], "insert_exists");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unique_value_taken_twice_waits_for_a_person() {
    let mut company = company().await;
    all_offline(&mut company);
    company
        .office(1)
        .run("INSERT INTO items VALUES (10, 'one', 1, 1, 'X')")
        .await;
    company
        .office(2)
        .run("INSERT INTO items VALUES (20, 'two', 2, 2, 'X')")
        .await;
    company
        .office(2)
        .run("UPDATE items SET name = 'two, changed' WHERE id = 20")
        .await;
    company
        .office(2)
        .run("INSERT INTO items VALUES (21, 'flows on', 2, 2, 'Y')")
        .await;
    settled(&mut company).await;
    let parked = "SELECT count(*) FROM officesync.conflicts WHERE state = 'parked'";
    assert!(company.office(1).number(parked).await >= 1);
    let sql = "SELECT count(*) FROM items WHERE code IN ('X', 'Y')";
    assert_eq!(company.office(2).number(sql).await, 2);
    company
        .head()
        .run("SELECT officesync.resolve(id, theirs || '{\"code\": \"Z\"}') FROM officesync.conflicts \
              WHERE state = 'parked' ORDER BY id")
        .await;
    converge::wait_equal(&company, &["items", LEDGER]).await;
    let sql = "SELECT count(*) FROM items WHERE code IN ('X', 'Y', 'Z')";
    assert_eq!(company.office(2).number(sql).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_of_edits_under_a_merged_acknowledgement() {
    let mut company = company().await;
    all_offline(&mut company);
    company
        .office(1)
        .run("UPDATE items SET name = 'first', stock = 99 WHERE id = 1")
        .await;
    company
        .head()
        .run("UPDATE items SET name = 'of the head', price = 9 WHERE id = 1")
        .await;
    for name in ["second", "third"] {
        let sql = format!("UPDATE items SET name = '{name}' WHERE id = 1");
        company.office(1).run(&sql).await;
    }
    company
        .office(1)
        .run("UPDATE items SET stock = stock - 1 WHERE id = 1")
        .await;
    settled(&mut company).await;
    assert_eq!(item(&company, "(name, price, stock)").await, "(third,9,98)");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncate_spares_what_was_changed_after_it() {
    let mut company = company().await;
    company
        .head()
        .run("INSERT INTO items SELECT n, 'n', n, n, n::text FROM generate_series(2, 9) n")
        .await;
    converge::wait_equal(&company, &["items"]).await;
    all_offline(&mut company);
    company
        .office(2)
        .run("UPDATE items SET name = 'before' WHERE id = 2")
        .await;
    company.office(1).run("TRUNCATE items").await;
    company
        .office(1)
        .run("INSERT INTO items VALUES (5, 'new', 5, 5, '5')")
        .await;
    company
        .office(2)
        .run("UPDATE items SET name = 'after' WHERE id = 3")
        .await;
    company.office_mut(0).start_relay();
    company.office_mut(2).start_relay();
    company
        .head()
        .shows("SELECT name FROM items WHERE id = 3", "after")
        .await;
    settled(&mut company).await;
    let sql = "SELECT id, name FROM items ORDER BY id";
    assert_eq!(
        company.office(2).rows(sql).await,
        [["3", "after"], ["5", "new"]]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hot_rows_under_links_that_flap_end_equal() {
    let mut company = Company::running(2, ITEMS, &["items"]).await;
    company
        .head()
        .run("SELECT officesync.set_policy('items', 'sum', 'stock')")
        .await;
    company
        .head()
        .run("INSERT INTO items SELECT n, 'n', 0, 1000, 'c' || n FROM generate_series(1, 100) n")
        .await;
    converge::wait_equal(&company, &["items"]).await;
    let mut seed = Seed::of_run("conflicts");
    let mut sold = 0;
    let until = Instant::now() + Duration::from_secs(20);
    let mut round = 0;
    let mut last_change = Instant::now();
    while Instant::now() < until {
        round += 1;
        // Links come and go every second or so.
        if last_change.elapsed() > Duration::from_millis(600) {
            last_change = Instant::now();
            let link = &company.office(seed.below(3) as usize).link;
            if seed.chance(50) {
                link.cut();
            } else {
                link.restore();
            }
        }
        let office = company.office(seed.below(3) as usize);
        let id = seed.below(100) + 1;
        let sql = match seed.below(8) {
            0 => format!("UPDATE items SET name = '{round}' WHERE id = {id}"),
            1 => format!("UPDATE items SET price = price + 1, name = 'p{round}' WHERE id = {id}"),
            2 => format!("UPDATE items SET code = 'n' || id || '-{round}' WHERE id = {id}"),
            3 => format!("UPDATE items SET price = {round} WHERE id BETWEEN {id} AND {id} + 3"),
            _ => {
                sold += 1;
                format!("UPDATE items SET stock = stock - 1 WHERE id = {id}")
            }
        };
        office.run(&sql).await;
    }
    for office in company.offices() {
        office.link.restore();
    }
    settled(&mut company).await;
    let stock = "SELECT sum(stock) FROM items";
    assert_eq!(
        company.office(1).number(stock).await,
        100_000 - sold,
        "{seed:?}"
    );
    let unexplained =
        "SELECT count(*) FROM officesync.conflicts WHERE theirs IS NULL OR result IS NULL";
    assert_eq!(company.head().number(unexplained).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_without_a_key_come_once_beside_a_conflict() {
    let mut company = company().await;
    let log = "CREATE TABLE log (what text); ALTER TABLE log REPLICA IDENTITY FULL; \
               SELECT officesync.track('log')";
    company.everywhere(log).await;
    all_offline(&mut company);
    company
        .head()
        .run("UPDATE items SET name = 'of the head' WHERE id = 1")
        .await;
    company
        .office(1)
        .run("UPDATE items SET name = 'of the branch' WHERE id = 1; INSERT INTO log VALUES ('a'), ('a')")
        .await;
    company
        .office(1)
        .run("TRUNCATE log; INSERT INTO log VALUES ('b'), ('b'), ('c')")
        .await;
    company.start_relays().await;
    converge::wait_equal(&company, &["items", "log", LEDGER]).await;
    assert_eq!(
        company.office(1).number("SELECT count(*) FROM log").await,
        3
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_drawn_at_every_office_do_not_collide() {
    let mut company = Company::running(2, ITEMS, &["items"]).await;
    company
        .everywhere(
            "CREATE TABLE orders (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, x text); \
             CREATE TABLE notes (id bigint DEFAULT officesync.new_id() PRIMARY KEY, x text)",
        )
        .await;
    let refused = company
        .office(1)
        .try_run("SELECT officesync.track('orders')");
    assert!(refused.await.unwrap_err().contains("spread_ids"));
    company
        .everywhere(
            "SELECT officesync.spread_ids('orders'), officesync.track('orders'), officesync.track('notes')",
        )
        .await;
    all_offline(&mut company);
    company
        .everywhere(
            "INSERT INTO orders (x) SELECT 'x' FROM generate_series(1, 200); \
             INSERT INTO notes (x) SELECT 'x' FROM generate_series(1, 200)",
        )
        .await;
    company.start_relays().await;
    converge::wait_equal(&company, &["orders", "notes", LEDGER]).await;
    let sql = "SELECT (SELECT count(*) FROM orders) + (SELECT count(*) FROM notes)";
    assert_eq!(company.office(1).number(sql).await, 1200);
    assert!(ledger(&company).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unique_value_handed_on_within_a_tick_finds_its_row() {
    let mut company = company().await;
    company
        .head()
        .run("INSERT INTO items VALUES (2, 'coffee', 5, 10, 'C')")
        .await;
    converge::wait_equal(&company, &["items"]).await;
    all_offline(&mut company);
    // What the head makes of the first transaction has the value that another row has here by now, and the
    // answer to that comes with the same tick.
    company
        .head()
        .run("UPDATE items SET name = 'of the head' WHERE id = 1")
        .await;
    for sql in [
        "UPDATE items SET code = 'X' WHERE id = 1",
        "UPDATE items SET code = 'T' WHERE id = 1",
        "UPDATE items SET code = 'X' WHERE id = 2",
    ] {
        company.office(1).run(sql).await;
    }
    settled(&mut company).await;
    let sql = "SELECT name, code FROM items ORDER BY id";
    let rows = company.office(2).rows(sql).await;
    assert_eq!(rows, [["of the head", "T"], ["coffee", "X"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_gives_way_to_the_heads_by_whatever_index_they_meet() {
    let mut company = Company::running(
        2,
        "CREATE TABLE guests (id int PRIMARY KEY, email text, active bool);
         CREATE UNIQUE INDEX ON guests (email) WHERE active;
         CREATE TABLE names (id int PRIMARY KEY, name text);
         CREATE UNIQUE INDEX ON names (lower(name));
         CREATE TABLE slugs (id int PRIMARY KEY, name text, slug text GENERATED ALWAYS AS (lower(name)) STORED UNIQUE);
         CREATE TABLE bookings (id int PRIMARY KEY, nights int4range,
             EXCLUDE USING gist (nights WITH &&));",
        &["guests", "names", "slugs", "bookings"],
    )
    .await;
    all_offline(&mut company);
    for (office, id) in [(0, 10), (1, 20), (2, 30)] {
        let sql = format!(
            "INSERT INTO guests VALUES ({id}, 'a@b', true), ({id} + 1, 'of {id}', true); \
             INSERT INTO names VALUES ({id}, 'Ann'), ({id} + 1, 'of {id}'); \
             INSERT INTO slugs VALUES ({id}, 'Ann'), ({id} + 1, 'of {id}'); \
             INSERT INTO bookings VALUES ({id}, '[{id}, 40)'), ({id} + 1, '[1{id}, 1{id}]')"
        );
        company.office(office).run(&sql).await;
    }
    company.start_relays().await;
    let tables = ["guests", "names", "slugs", "bookings", LEDGER];
    converge::wait_equal(&company, &tables).await;
    for table in ["guests", "names", "slugs", "bookings"] {
        let sql = format!("SELECT string_agg(id::text, ' ' ORDER BY id) FROM {table}");
        let ids = company.office(1).value(&sql).await;
        assert_eq!(ids, "10 11 21 31", "{table}");
    }
    assert_eq!(ledger(&company).await.len(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn places_in_an_order_are_handed_round() {
    let mut company = Company::running(
        2,
        "CREATE TABLE ranks (id int PRIMARY KEY, name text, place int UNIQUE DEFERRABLE);
         CREATE TABLE later (id int PRIMARY KEY, name text, place int UNIQUE DEFERRABLE INITIALLY DEFERRED);",
        &["ranks", "later"],
    )
    .await;
    let tables = ["ranks", "later"];
    let each = |sql: &str| tables.map(|table| sql.replace("$t", table)).join("; ");
    let rows = "INSERT INTO $t SELECT n, 'n' || n, n FROM generate_series(1, 5) n";
    company.head().run(&each(rows)).await;
    converge::wait_equal(&company, &tables).await;
    let up = "UPDATE $t SET place = place % 5 + 1";
    company.head().run(&each(up)).await;
    converge::wait_equal(&company, &tables).await;
    company.office(1).run(&each(up)).await;
    converge::wait_equal(&company, &tables).await;
    // The same beside a change of one of them that is not seen yet.
    all_offline(&mut company);
    let name = "UPDATE $t SET name = 'first' WHERE id = 1";
    company.head().run(&each(name)).await;
    company.office(1).run(&each(up)).await;
    company
        .office(2)
        .run(&each("UPDATE $t SET name = 'second' WHERE id = 2"))
        .await;
    company.start_relays().await;
    converge::wait_equal(&company, &["ranks", "later", LEDGER]).await;
    all_offline(&mut company);
    company.office(1).run(&each(up)).await;
    company.office(2).run(&each(up)).await;
    company.office(2).run(&each(up)).await;
    company.start_relays().await;
    converge::wait_equal(&company, &["ranks", "later", LEDGER]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_emptied_at_the_head_keeps_what_it_does_not_know_of() {
    let company = company().await;
    let branch = company.office(1);
    branch
        .run("SELECT officesync.pause(direction => 'send')")
        .await;
    branch
        .run("INSERT INTO items VALUES (5, 'of the branch', 1, 1, 'B')")
        .await;
    company.head().run("TRUNCATE items").await;
    let ids = "SELECT coalesce(string_agg(id::text, ' ' ORDER BY id), 'none') FROM items";
    company.office(2).shows(ids, "none").await;
    branch.shows(ids, "5").await;
    branch.run("SELECT officesync.resume()").await;
    converge::wait_equal(&company, &["items", LEDGER]).await;
    assert_eq!(company.head().value(ids).await, "5");
}

const RETAIL: &str = "CREATE TABLE shops (id int PRIMARY KEY, name text);
     CREATE TABLE items (id int PRIMARY KEY, name text, price numeric, stock int, code text UNIQUE, \
         shop int REFERENCES shops ON DELETE CASCADE);";

/// One statement of a user who does anything at all to a few rows.
fn anything(seed: &mut Seed, round: u64) -> String {
    let id = seed.below(12);
    let shop = seed.below(5);
    match seed.below(14) {
        0 => format!("DELETE FROM items WHERE id = {id}"),
        1 => format!("DELETE FROM items WHERE id IN ({id}, {id} + 1)"),
        2 | 3 => format!("INSERT INTO items VALUES ({id}, 'i{round}', 1, 1, 'i{round}', {shop})"),
        4 => format!("UPDATE items SET id = {} WHERE id = {id}", seed.below(12)),
        5 => format!(
            "UPDATE items SET code = 'c{}' WHERE id = {id}",
            seed.below(6)
        ),
        6 => format!("UPDATE items SET shop = {shop} WHERE id = {id}"),
        7 => format!("DELETE FROM shops WHERE id = {shop}"),
        8 => format!("INSERT INTO shops VALUES ({shop}, 's{round}')"),
        9 if seed.chance(10) => "TRUNCATE items".to_owned(),
        10 => format!("UPDATE shops SET name = 's{round}' WHERE id = {shop}"),
        11 => format!(
            "INSERT INTO items VALUES ({id}, 'u{round}', 1, 1, NULL, {shop}) \
             ON CONFLICT (id) DO UPDATE SET name = excluded.name"
        ),
        _ => format!("UPDATE items SET name = 'n{round}', stock = stock - 1 WHERE id = {id}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_users_do_to_the_same_rows_all_offices_end_equal() {
    let mut company = Company::running(2, RETAIL, &["shops", "items"]).await;
    let mut seed = Seed::of_run("conflicts");
    let until = Instant::now() + Duration::from_secs(25);
    let mut round = 0;
    while Instant::now() < until {
        round += 1;
        if seed.chance(2) {
            let office = company.office_mut(seed.below(3) as usize);
            match office.relay {
                Some(_) => office.kill_relay(),
                None => office.start_relay(),
            }
        }
        let statements: Vec<String> = (0..=seed.below(3))
            .map(|_| anything(&mut seed, round))
            .collect();
        let office = company.office(seed.below(3) as usize);
        // Its own office's constraints may refuse it.
        if let Err(error) = office.try_run(&statements.join("; ")).await {
            assert!(error.contains("(235"), "{error}");
        }
    }
    company.start_relays().await;
    converge::wait_equal(&company, &["shops", "items", LEDGER]).await;
    for office in company.offices() {
        let orphans = "SELECT count(*) FROM items i WHERE shop IS NOT NULL \
                       AND NOT EXISTS (SELECT FROM shops s WHERE s.id = i.shop)";
        assert_eq!(office.number(orphans).await, 0, "{}", office.name);
    }
}

/// 1.0 and 1.00 are the same key: whoever writes it otherwise changes the row and takes nobody's place, and an office that
/// still writes it as before is told how it stands.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_be_written_otherwise() {
    const RATES: &str = "CREATE TABLE rates (rate numeric PRIMARY KEY, name text, n int)";
    let mut company = Company::running(2, RATES, &["rates"]).await;
    let insert = "INSERT INTO rates VALUES (1.0, 'at the head', 0), (2.0, 'at a branch', 0)";
    company.head().run(insert).await;
    converge::wait_equal(&company, &["rates"]).await;
    all_offline(&mut company);
    company
        .head()
        .run("UPDATE rates SET rate = 1.00 WHERE rate = 1; UPDATE rates SET name = 'at both' WHERE rate = 2")
        .await;
    for sql in [
        "UPDATE rates SET n = 1 WHERE rate = 1",
        "UPDATE rates SET rate = 2.00 WHERE rate = 2",
        "UPDATE rates SET n = 2 WHERE rate = 2",
    ] {
        company.office(1).run(sql).await;
    }
    company.start_relays().await;
    converge::wait_equal(&company, &["rates", LEDGER]).await;
    let rows = "SELECT rate::text, name, n FROM rates ORDER BY rate";
    assert_eq!(
        company.office(1).rows(rows).await,
        [["1.00", "at the head", "1"], ["2.00", "at both", "2"]]
    );
    assert!(ledger(&company).await.is_empty());
}
