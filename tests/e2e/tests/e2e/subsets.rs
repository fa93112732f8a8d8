//! Tables whose rows are shared out: each branch has its own rows, and nobody else's ever reach it.

use officesync_e2e::broker::Broker;
use officesync_e2e::company::Company;
use officesync_e2e::converge;
use officesync_e2e::office::Office;
use officesync_e2e::relay;
use officesync_e2e::wait;
use officesync_wire::message::{MAX_READING_BYTES, unpack};

const SCHEMA: &str = "
    CREATE TABLE orders (id text PRIMARY KEY, branch text, note text, amount int NOT NULL DEFAULT 0);
    CREATE TABLE products (id int PRIMARY KEY, price int)";
const TRACK: &str =
    "SELECT officesync.track('orders', branch_column => 'branch'), officesync.track('products')";
const HALTED: &str = "SELECT count(*) FROM officesync.halted";

pub(crate) async fn company(branches: usize) -> Company {
    let mut company = Company::open(branches).await;
    company.everywhere(SCHEMA).await;
    company.everywhere(TRACK).await;
    company.start_relays().await;
    company
}

/// Waits until nothing is on the way, each branch has the head's rows of its own, and no others, and what is for all
/// is the same everywhere.
pub(crate) async fn wait_shared_out(company: &Company, scoped: &[(&str, &str)]) {
    let digest = |table: &str, condition: &str| {
        format!(
            "SELECT concat(count(*), ' ', md5(string_agg(t::text, ',' ORDER BY t::text))) FROM {table} t WHERE {condition}"
        )
    };
    wait::until(
        "each branch to have its own rows",
        wait::RECOVERY,
        || async {
            for office in company.offices() {
                converge::nothing_on_the_way(office).await?;
            }
            for branch in company.branches() {
                for (table, scope) in scoped {
                    let own = format!("{scope} = '{}'", branch.name);
                    let there = branch.try_value(&digest(table, "true")).await?;
                    let here = company.head().try_value(&digest(table, &own)).await?;
                    if here != there {
                        return Err(format!(
                            "{table}: {here} at the head for {}, {there} there",
                            branch.name
                        ));
                    }
                }
                let all = digest("products", "true");
                let (here, there) = (
                    company.head().try_value(&all).await?,
                    branch.try_value(&all).await?,
                );
                if here != there {
                    return Err(format!(
                        "products: {here} at the head, {there} at {}",
                        branch.name
                    ));
                }
            }
            Ok(())
        },
    )
    .await;
}

async fn verify(head: &Office, arguments: &[&str]) -> (i32, String) {
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

/// All that went to a branch, as text.
pub(crate) async fn overheard(company: &Company, tap: &str) -> String {
    let mut text = String::new();
    for (_, encoding, body) in company.topology().await.take_all(tap).await {
        let encoding = match encoding.as_str() {
            "" => "identity",
            other => other,
        };
        let plain = unpack(encoding.parse().unwrap(), &body, MAX_READING_BYTES).unwrap();
        text.push_str(&String::from_utf8_lossy(&plain));
    }
    text
}

/// Everybody writes, rows change hands while a link is cut, and each branch ends with its own rows; what is not a
/// branch's own never went to its queue.
#[tokio::test(flavor = "multi_thread")]
async fn each_branch_gets_its_own_rows_and_no_others() {
    let company = company(2).await;
    let head = company.head();
    let tap = company.topology().await.tap("branch2").await;
    head.run(
        "INSERT INTO orders SELECT format('h%s', n), CASE n % 4 WHEN 0 THEN NULL WHEN 3 THEN 'branch9' ELSE 'branch' || n % 4 END,
                coalesce('of branch' || nullif(n % 4, 0), 'of nobody'), n FROM generate_series(1, 4000) n;
         INSERT INTO products SELECT n, n FROM generate_series(1, 50) n",
    )
    .await;
    for branch in company.branches() {
        branch
            .run(&format!(
                "BEGIN; INSERT INTO orders SELECT format('{0} %s', n), '{0}', 'of {0}', n FROM generate_series(1, 50) n;
                 INSERT INTO products VALUES (1000 + {1}, 1); UPDATE orders SET amount = amount + 1; COMMIT",
                branch.name,
                &branch.name[6..],
            ))
            .await;
    }
    wait_shared_out(&company, &[("orders", "branch")]).await;
    assert_eq!(head.number("SELECT count(*) FROM orders").await, 4100);

    // Hand over, in one transaction with what all get, while one link is cut; and back.
    company.office(1).link.cut();
    head.run(
        "BEGIN; UPDATE products SET price = price + 1;
         UPDATE orders SET branch = 'branch2', note = 'of branch2' WHERE branch = 'branch1' AND amount % 8 = 1;
         UPDATE orders SET branch = NULL, note = 'of nobody' WHERE branch = 'branch1' AND amount % 8 = 5;
         DELETE FROM orders WHERE branch = 'branch2' AND amount % 8 = 2; COMMIT",
    )
    .await;
    company
        .office(1)
        .run("UPDATE orders SET amount = amount + 8 WHERE id LIKE 'branch1%'")
        .await;
    // What the broker loses is sent again, to each what is its own.
    let topology = company.topology().await;
    wait::until(
        "the head's tick to lie in the queue",
        wait::SOON,
        || async {
            match topology.depth("officesync.branch.branch1").await {
                Some(0) | None => Err("nothing there".to_owned()),
                Some(_) => Ok(()),
            }
        },
    )
    .await;
    topology.purge("officesync.branch.branch1").await;
    company.office(1).link.restore();
    wait_shared_out(&company, &[("orders", "branch")]).await;
    let (code, said) = verify(head, &[]).await;
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("branch1: equal") && said.contains("branch2: equal"),
        "{said}"
    );

    let heard = overheard(&company, &tap).await;
    for others in ["of branch1", "of branch9", "of nobody"] {
        let around = heard
            .find(others)
            .map(|at| &heard[at.saturating_sub(300)..at + 20]);
        assert_eq!(around, None, "{others} went to branch2");
    }
    assert!(heard.contains("of branch2"));
    for office in company.offices() {
        assert_eq!(office.number(HALTED).await, 0);
    }
}

/// A head that gets rows of other offices from a branch that was tampered with keeps them in the quarantine, and goes
/// on. A branch that joins later gets what is its own; what is planted at a branch is found and taken away.
#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_was_tampered_with_and_one_that_comes_later() {
    let broker = Broker::shared().await;
    let mut company = company(2).await;
    company
        .head()
        .run(
            "INSERT INTO orders SELECT format('h%s', n), 'branch' || 1 + n % 3, 'x', n FROM generate_series(1, 3000) n;
             INSERT INTO products SELECT n, n FROM generate_series(1, 50) n",
        )
        .await;
    wait_shared_out(&company, &[("orders", "branch")]).await;
    let branch = company.office(1);
    for (sql, refused) in [
        (
            "INSERT INTO orders VALUES ('mine', 'branch2', '', 1)",
            "may not give a row",
        ),
        (
            "INSERT INTO orders VALUES ('mine', NULL, '', 1)",
            "has to belong to office \"branch1\"",
        ),
        (
            "UPDATE orders SET branch = 'branch2'",
            "A row changes hands at the head",
        ),
        ("TRUNCATE orders", "can't be truncated at a branch"),
    ] {
        let error = branch.try_run(sql).await.unwrap_err();
        assert!(error.contains(refused), "{sql}: {error}");
    }
    // Without its guard.
    branch
        .run(
            "SELECT officesync.untrack('orders', force => true); SELECT officesync.track('orders');
             INSERT INTO orders VALUES ('stolen', 'branch2', 'from branch1', 1);
             SELECT officesync.untrack('orders', force => true)",
        )
        .await;
    branch
        .run("SELECT officesync.track('orders', branch_column => 'branch')")
        .await;
    let kept = "SELECT reason FROM officesync.quarantine WHERE origin = 'branch1'";
    let head = company.head();
    head.shows(
        kept,
        "a change of table \"public\".\"orders\" by office \"branch1\" has a row of another office",
    )
    .await;
    // It would have gone there with the message it is in.
    branch
        .run("INSERT INTO orders VALUES ('honest', 'branch1', '', 1)")
        .await;
    head.shows(
        "SELECT count(*) FROM orders WHERE id IN ('stolen', 'honest')",
        1,
    )
    .await;
    assert_eq!(head.number(HALTED).await, 0);
    // What is left of it at the branch is found, and taken away.
    let (code, said) = verify(head, &["--office", "branch1"]).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains(r#"{"id":"stolen"}: only there"#), "{said}");
    let (code, said) = verify(head, &["--office", "branch1", "--repair"]).await;
    assert_eq!(code, 0, "{said}");
    wait_shared_out(&company, &[("orders", "branch")]).await;

    let joiner = company.add_branch(broker).await;
    let tap = company.topology().await.tap("branch3").await;
    let environment = &mut company.office_mut(joiner).settings.environment;
    environment.push(("OFFICESYNC_JOIN".into(), "empty".into()));
    company.office_mut(joiner).start_relay();
    let state = "SELECT state FROM officesync.loads";
    company.office(joiner).shows(state, "done").await;
    company
        .head()
        .run("UPDATE orders SET amount = 0 WHERE amount % 10 = 0")
        .await;
    company
        .office(joiner)
        .run("INSERT INTO orders VALUES ('third', 'branch3', '', 1)")
        .await;
    wait_shared_out(&company, &[("orders", "branch")]).await;
    assert_eq!(
        company
            .office(joiner)
            .number("SELECT count(*) FROM orders")
            .await,
        1001
    );
    let refused = company
        .office(joiner)
        .try_run("UPDATE orders SET branch = 'branch1'")
        .await;
    assert!(refused.unwrap_err().contains("changes hands at the head"));
    let heard = overheard(&company, &tap).await;
    assert!(
        heard.contains("\"branch3\"")
            && !heard.contains("\"branch1\",\"x\"")
            && !heard.contains("\"branch2\",\"x\"")
    );
    // A tick for one of three branches reaches the two others at once.
    company
        .head()
        .run("INSERT INTO orders VALUES ('one', 'branch3', 'x', 1); INSERT INTO products VALUES (99, 1)")
        .await;
    wait_shared_out(&company, &[("orders", "branch")]).await;
    let logged = company.office_mut(0).relay().logged();
    for branch in ["branch1", "branch2"] {
        let again = format!("sending ticks again to one branch branch=\"{branch}\"");
        assert!(!logged.contains(&again), "{logged}");
    }
}

pub(crate) const FAMILY: &str = "
    CREATE TABLE orders (id int PRIMARY KEY, branch text, note text);
    CREATE TABLE items (id int PRIMARY KEY, order_id int REFERENCES orders ON DELETE CASCADE, qty int NOT NULL, note text);
    CREATE TABLE notes (id int PRIMARY KEY, item_id int NOT NULL REFERENCES items ON DELETE CASCADE, note text);
    CREATE TABLE products (id int PRIMARY KEY, price int)";
pub(crate) const TRACK_FAMILY: &str = "
    SELECT officesync.track('orders', branch_column => 'branch'), officesync.track('products');
    SELECT officesync.track('items', branch_path => 'order_id -> orders.branch');
    SELECT officesync.track('notes', branch_path => 'item_id -> items.order_id -> orders.branch')";
pub(crate) const OF_FAMILY: [(&str, &str); 3] = [
    ("orders", "t.branch"),
    (
        "items",
        "(SELECT branch FROM orders o WHERE o.id = t.order_id)",
    ),
    (
        "notes",
        "(SELECT branch FROM orders o JOIN items i ON i.order_id = o.id WHERE i.id = t.item_id)",
    ),
];

/// Children go where their parents go: when these change hands or are deleted, at the head while the branch works on.
#[tokio::test(flavor = "multi_thread")]
async fn children_go_where_their_parents_go() {
    let mut company = Company::open(2).await;
    company.everywhere(FAMILY).await;
    company.everywhere(TRACK_FAMILY).await;
    company.start_relays().await;
    let head = company.head();
    let tap = company.topology().await.tap("branch2").await;
    head.run(
        "INSERT INTO orders SELECT n, 'branch' || 1 + n % 2, 'secret of branch' || 1 + n % 2 FROM generate_series(1, 200) n;
         INSERT INTO items SELECT n, 1 + n % 200, 1, (SELECT note FROM orders WHERE id = 1 + n % 200) FROM generate_series(1, 1000) n;
         INSERT INTO notes SELECT n, 1 + n % 1000, (SELECT note FROM items WHERE id = 1 + n % 1000) FROM generate_series(1, 2000) n",
    )
    .await;
    wait_shared_out(&company, &OF_FAMILY).await;
    for (number, branch) in (1..).zip(company.branches()) {
        branch
            .run(&format!(
                "BEGIN; INSERT INTO orders VALUES ({0}0000, 'branch{0}', 'secret of branch{0}');
                 INSERT INTO items SELECT {0}0000 + n, {0}0000, 1, 'secret of branch{0}' FROM generate_series(1, 10) n;
                 INSERT INTO notes SELECT {0}0000 + n, {0}0000 + n, 'secret of branch{0}' FROM generate_series(1, 10) n;
                 DELETE FROM orders WHERE id IN (SELECT min(id) FROM orders); COMMIT",
                number
            ))
            .await;
    }
    wait_shared_out(&company, &OF_FAMILY).await;
    // Orders go to branch1 and others are deleted, while both branches work on what they have and see nothing of it.
    for office in [1, 2] {
        company.office(office).link.cut();
    }
    head.run(
        "UPDATE orders SET branch = 'branch1' WHERE branch = 'branch2' AND id % 10 = 3;
         DELETE FROM orders WHERE id % 10 IN (4, 5) AND id < 200; UPDATE orders SET branch = NULL WHERE id % 10 IN (6, 7) AND id < 200",
    )
    .await;
    for branch in company.branches() {
        branch
            .run(&format!(
                "UPDATE items SET qty = qty + 1; UPDATE notes SET note = note || '!';
                 INSERT INTO notes SELECT id + 50000, id, 'secret of {0}' FROM items WHERE order_id % 10 BETWEEN 1 AND 3;
                 DELETE FROM items WHERE order_id % 10 = 9",
                branch.name
            ))
            .await;
    }
    for office in [1, 2] {
        company.office(office).link.restore();
    }
    wait_shared_out(&company, &OF_FAMILY).await;
    let (code, said) = verify(head, &[]).await;
    assert_eq!(code, 0, "{said}");
    let lost = head
        .number("SELECT count(*) FROM officesync.conflicts WHERE policy = 'changed hands'")
        .await;
    assert!(
        lost > 0,
        "what the branches did to rows that had gone stands nowhere"
    );
    let orphans = "SELECT count(*) FROM items WHERE order_id NOT IN (SELECT id FROM orders)";
    for office in company.offices() {
        assert_eq!(office.number(HALTED).await, 0, "{}", office.name);
        assert_eq!(office.number(orphans).await, 0, "{}", office.name);
    }
    assert_eq!(
        head.number("SELECT count(*) FROM officesync.quarantine")
            .await,
        0
    );
    let heard = overheard(&company, &tap).await;
    assert!(heard.contains("secret of branch2") && !heard.contains("secret of branch1"));
    let refused = company
        .office(1)
        .try_run("INSERT INTO items VALUES (-1, NULL, 1, '')")
        .await;
    assert!(refused.unwrap_err().contains("has to belong to office"));
}
