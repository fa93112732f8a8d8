//! Tables of which a branch gets its own rows only, where the branch is compared with the head: one that joins with rows
//! of its own, and one for which nothing was kept.

use officesync_e2e::company::Company;
use officesync_e2e::office::Office;
use officesync_e2e::wait;

use crate::subsets::{FAMILY, OF_FAMILY, TRACK_FAMILY, company, overheard, wait_shared_out};
use crate::verify::{plant, verify};

const ORDERS: [(&str, &str); 1] = [("orders", "branch")];

/// The row as it stands there, or nothing.
async fn order(office: &Office, id: &str) -> String {
    let sql = format!(
        "SELECT coalesce((SELECT concat(branch, ' ', note, ' ', amount) FROM orders WHERE id = '{id}'), 'none')"
    );
    office.value(&sql).await
}

/// What the branch alone has goes to the head, what both have goes by the policy, what the head has comes; rows that are
/// not the branch's own are not sent, whoever they name, and stay differences until they are taken away.
#[tokio::test(flavor = "multi_thread")]
async fn a_branch_with_rows_of_its_own_is_adopted_into_its_subset() {
    let company = company(2).await;
    let (head, branch) = (company.head(), company.office(1));
    head.run(
        "SELECT officesync.set_policy('orders', 'head_wins');
         INSERT INTO orders SELECT format('h%s', n), 'branch' || 1 + n % 2, 'of branch' || 1 + n % 2, n FROM generate_series(1, 2000) n;
         INSERT INTO orders VALUES ('unassigned', NULL, 'of nobody', 0), ('taken', 'branch2', 'of branch2', 1)",
    )
    .await;
    wait_shared_out(&company, &ORDERS).await;
    let topology = company.topology().await;
    let (own, other) = (topology.tap("branch1").await, topology.tap("branch2").await);
    plant(
        branch,
        "orders",
        "DELETE FROM orders WHERE id IN ('h2', 'h1998');
         UPDATE orders SET note = 'there' WHERE id IN ('h4', 'h6');
         INSERT INTO orders SELECT format('b%s', n), 'branch1', 'by branch1', n FROM generate_series(1, 300) n;
         INSERT INTO orders VALUES ('h1', 'branch2', 'stale', 0), ('invented', 'branch2', 'stale', 0), ('h3', 'branch1', 'stale', 0),
                                   ('nobody', NULL, 'stale', 0)",
    )
    .await;
    let (code, said) = verify(head, &["--office", "branch1", "--table", "orders"]).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("308 rows differ"), "{said}");

    let (code, said) = verify(head, &["--office", "branch1", "--adopt"]).await;
    assert_eq!(code, 1, "what it may not send is not put right: {said}");
    head.shows("SELECT count(*) FROM orders WHERE note = 'by branch1'", 300)
        .await;
    branch
        .shows("SELECT count(*) FROM orders WHERE id IN ('h2', 'h1998')", 2)
        .await;
    branch
        .shows("SELECT count(*) FROM orders WHERE note = 'there'", 0)
        .await;
    // The key is taken by a row that the branch can't see.
    wait::until("the taken key to be given up", wait::RECOVERY, || async {
        match order(branch, "h3").await {
            none if none == "none" => Ok(()),
            some => Err(some),
        }
    })
    .await;
    assert_eq!(order(head, "h3").await, "branch2 of branch2 3");
    assert_eq!(order(head, "h1").await, "branch2 of branch2 1");
    assert_eq!(order(head, "invented").await, "none", "{said}");
    assert_eq!(order(head, "nobody").await, "none", "{said}");
    let ledger =
        "SELECT count(*), count(*) FILTER (WHERE key ->> 'id' = 'h3') FROM officesync.conflicts";
    assert_eq!(head.rows(ledger).await, [["3", "1"]]);
    let kept = "SELECT (SELECT count(*) FROM officesync.quarantine) + (SELECT count(*) FROM officesync.halted)";
    assert_eq!(head.number(kept).await, 0);

    let (code, said) = verify(head, &["--office", "branch1"]).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("branch1: 3 rows differ"), "{said}");
    let (code, said) = verify(head, &["--office", "branch1", "--repair"]).await;
    assert_eq!(code, 0, "{said}");
    wait_shared_out(&company, &ORDERS).await;
    let (code, said) = verify(head, &[]).await;
    assert_eq!(code, 0, "{said}");
    let heard = overheard(&company, &other).await;
    assert!(
        !heard.contains("by branch1") && !heard.contains("of branch1") && !heard.contains("stale")
    );
    let heard = overheard(&company, &own).await;
    assert!(
        heard.contains("by branch1")
            && !heard.contains("of branch2")
            && !heard.contains("of nobody")
    );
}

/// The same where rows belong to a branch by the rows they refer to: parents are sent before their children, and children
/// of others' rows are not sent.
#[tokio::test(flavor = "multi_thread")]
async fn children_are_adopted_with_their_parents() {
    let mut company = Company::open(2).await;
    company.everywhere(FAMILY).await;
    company.everywhere(TRACK_FAMILY).await;
    company.start_relays().await;
    let (head, branch) = (company.head(), company.office(1));
    head.run(
        "INSERT INTO orders SELECT n, 'branch' || 1 + n % 2, 'x' FROM generate_series(1, 20) n",
    )
    .await;
    wait_shared_out(&company, &OF_FAMILY).await;
    for (table, rows) in [
        (
            "orders",
            "(100, 'branch1', 'own'), (200, 'branch2', 'stale')",
        ),
        (
            "items",
            "(101, 100, 1, 'own'), (201, 200, 1, 'stale'), (202, NULL, 1, 'stale')",
        ),
        ("notes", "(102, 101, 'own'), (203, 201, 'stale')"),
    ] {
        plant(branch, table, &format!("INSERT INTO {table} VALUES {rows}")).await;
    }
    let (code, said) = verify(head, &["--office", "branch1", "--adopt"]).await;
    assert_eq!(code, 1, "{said}");
    let here = "SELECT concat((SELECT count(*) FROM orders WHERE note = 'own'), (SELECT count(*) FROM items WHERE note = 'own'),
                              (SELECT count(*) FROM notes WHERE note = 'own'))";
    head.shows(here, "111").await;
    let (code, said) = verify(head, &["--office", "branch1"]).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("branch1: 4 rows differ"), "{said}");
    let kept = "SELECT (SELECT count(*) FROM officesync.quarantine) + (SELECT count(*) FROM officesync.halted)
                       + (SELECT count(*) FROM officesync.conflicts)";
    assert_eq!(head.number(kept).await, 0);
    let (code, said) = verify(head, &["--office", "branch1", "--repair"]).await;
    assert_eq!(code, 0, "{said}");
    wait_shared_out(&company, &OF_FAMILY).await;
}

/// Rows change hands, come and go while nothing is kept for a branch that works on by itself; when it is back, only rows
/// that differ travel, to it alone, and it ends with its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_was_left_behind_gets_its_subset_as_it_is_now() {
    let mut company = company(2).await;
    company
        .head()
        .run(
            "ALTER DATABASE office SET officesync.max_backlog = '16kB';
             INSERT INTO orders SELECT format('h%s', n), 'branch' || 1 + n % 2, 'of branch' || 1 + n % 2, n FROM generate_series(1, 1000) n",
        )
        .await;
    wait_shared_out(&company, &ORDERS).await;
    // The relay's sessions take the setting up when they connect.
    company.office_mut(0).kill_relay();
    company.office_mut(0).start_relay();
    company.office_mut(2).kill_relay();
    let (head, away) = (company.head(), company.office(2));
    away.run(
        "UPDATE orders SET amount = -amount WHERE id IN ('h1', 'h3', 'h5', 'h7');
         INSERT INTO orders SELECT format('b%s', n), 'branch2', 'by branch2', n FROM generate_series(1, 50) n;
         DELETE FROM orders WHERE id = 'h9'",
    )
    .await;
    // h1 and h11 leave, h2 comes, h3 belongs to nobody, h5 goes; h7 and h13 are written; b1 is another's by now.
    head.run(
        "UPDATE orders SET branch = 'branch1', note = 'of branch1' WHERE id IN ('h1', 'h11');
         UPDATE orders SET branch = 'branch2', note = 'of branch2' WHERE id = 'h2';
         UPDATE orders SET branch = NULL, note = 'of nobody' WHERE id = 'h3'; DELETE FROM orders WHERE id = 'h5';
         UPDATE orders SET note = 'of branch2!' WHERE id IN ('h7', 'h13');
         INSERT INTO orders VALUES ('b1', 'branch1', 'of branch1', 0)",
    )
    .await;
    head.run("UPDATE officesync.peer SET last_seen_at = last_seen_at - interval '2 days' WHERE name = 'branch2'")
        .await;
    for round in 0..20 {
        head.run(&format!(
            "INSERT INTO orders SELECT gen_random_uuid()::text, 'branch1', 'of branch1', n FROM generate_series(1, 40) n;
             INSERT INTO orders VALUES ('n{round}', 'branch2', 'of branch2', {round})"
        ))
        .await;
    }
    let behind = "SELECT count(*) FROM officesync.peer WHERE left_behind_at IS NOT NULL";
    head.shows(behind, 1).await;
    let sent = "SELECT last_tick = sent_tick AND NOT officesync.has_unsent() FROM officesync.outbox_position()";
    head.shows(sent, "t").await;
    // Nobody knows any more what the head did to the rows, and when.
    head.shows("SELECT count(*) FROM officesync.tick", 1).await;
    let topology = company.topology().await;
    let others = topology.tap("branch1").await;
    let own = topology.tap("branch2").await;

    company.office_mut(2).start_relay();
    wait_shared_out(&company, &ORDERS).await;
    let (head, back) = (company.head(), company.office(2));
    assert_eq!(head.number(behind).await, 0);
    for (id, stands) in [
        ("h1", "branch1 of branch1 1"),
        ("h2", "branch2 of branch2 2"),
        ("h3", " of nobody 3"),
        // It was deleted; by last_update_wins the branch's change stands, and the ledger knows.
        ("h5", "branch2 of branch2 -5"),
        ("h9", "none"),
        ("h13", "branch2 of branch2! 13"),
        ("b1", "branch1 of branch1 0"),
    ] {
        assert_eq!(order(head, id).await, stands, "{id}");
    }
    assert_eq!(order(back, "b50").await, "branch2 by branch2 50");
    assert_eq!(
        head.number("SELECT count(*) FROM orders WHERE note = 'by branch2'")
            .await,
        49
    );
    let lost = "SELECT count(*) FROM officesync.conflicts WHERE key ->> 'id' IN ('h1', 'h3', 'b1') AND winner = 'head'";
    assert_eq!(head.number(lost).await, 3);
    let kept = "SELECT (SELECT count(*) FROM officesync.quarantine) + (SELECT count(*) FROM officesync.halted)";
    assert_eq!(head.number(kept).await, 0);
    let (code, said) = verify(head, &[]).await;
    assert_eq!(code, 0, "{said}");
    let sent = "SELECT count(*) FROM officesync.difference d JOIN officesync.verification v ON v.id = d.verification
                WHERE v.office = 'branch2' AND v.mode = 'repair'";
    let sent = head.number(sent).await;
    assert!((20..200).contains(&sent), "{sent} rows were sent again");
    let heard = overheard(&company, &others).await;
    assert!(
        !heard.contains("of branch2") && !heard.contains("by branch2"),
        "{heard}"
    );
    let heard = overheard(&company, &own).await;
    assert!(
        heard.contains("of branch2")
            && !heard.contains("of branch1")
            && !heard.contains("of nobody")
    );
}
