//! The cases one tells people about, each by itself.

use crate::log::Office;
use crate::story::rules::TableRules;
use crate::story::table::{FOLLOWED, NUMBER, Op, Row, Table, WIDTH, key_of};
use crate::world::World;
use officesync_wire::merge::{
    Conflict, DeletePolicy, Granularity, Kind, Policy, RowPolicy, Winner,
};

const HOUR: i64 = 3_600_000_000;
const NAME: usize = FOLLOWED[0];
const CITY: usize = FOLLOWED[1];

fn rules() -> TableRules {
    let mut columns = [Policy::LastUpdateWins; WIDTH];
    columns[NUMBER] = Policy::Sum;
    TableRules {
        columns,
        granularity: Granularity::Columns,
        delete: DeletePolicy::LaterWins,
    }
}

fn row(key: i64, name: i64) -> Row {
    [Some(key), Some(name), Some(key - 100), None, Some(10)]
}

/// Offices with the rows 1 and 2.
fn offices(branches: usize, rules: TableRules) -> World {
    let rows: Table = [row(1, -1), row(2, -2)]
        .map(|row| (key_of(&row), row))
        .into();
    World::new(&rows, branches, rules, None)
}

fn commit(world: &mut World, office: Office, time: i64, op: Op) {
    let mut op = Some(op);
    world.commit(office, time, |_| op.take());
}

/// An office sets columns of a row that it has.
fn set(world: &mut World, office: Office, time: i64, key: i64, values: &[(usize, i64)]) {
    let old = world.rows(office)[&key];
    let mut new = old;
    for &(column, value) in values {
        new[column] = Some(value);
    }
    commit(world, office, time, Op::Update(old, new));
}

fn delete(world: &mut World, office: Office, time: i64, key: i64) {
    let row = world.rows(office)[&key];
    commit(world, office, time, Op::Delete(row));
}

/// What the branch has goes to the head, and nothing comes back.
fn send(world: &mut World, branch: Office) {
    world.tick(branch);
    while world.deliver_up(branch).unwrap() {}
}

/// All links are up; all must be the same. Returns what stands, and the ledger.
fn end(mut world: World) -> (Table, Vec<Conflict>) {
    world.drain().unwrap();
    world.check(true).unwrap();
    (world.head.rows, world.audit.ledger)
}

#[test]
fn the_later_commit_wins_though_it_arrives_first() {
    let mut world = offices(2, rules());
    set(&mut world, 1, 10 * HOUR, 1, &[(NAME, 1000)]);
    set(&mut world, 2, 11 * HOUR, 1, &[(NAME, 1100)]);
    send(&mut world, 2);
    send(&mut world, 1);
    let (rows, ledger) = end(world);
    assert_eq!(rows[&1][NAME], Some(1100));
    assert_eq!(ledger.len(), 1);
    assert_eq!(ledger[0].columns[0].winner, Winner::Ours);
}

#[test]
fn the_later_commit_wins_when_it_arrives_last() {
    let mut world = offices(2, rules());
    set(&mut world, 1, 10 * HOUR, 1, &[(NAME, 1000)]);
    set(&mut world, 2, 11 * HOUR, 1, &[(NAME, 1100)]);
    send(&mut world, 1);
    send(&mut world, 2);
    let (rows, ledger) = end(world);
    assert_eq!(rows[&1][NAME], Some(1100));
    assert_eq!(ledger[0].columns[0].winner, Winner::Theirs);
}

#[test]
fn who_has_seen_a_change_replaces_it_whatever_the_clocks_say() {
    let mut world = offices(2, rules());
    set(&mut world, 1, 11 * HOUR, 1, &[(NAME, 1100)]);
    send(&mut world, 1);
    while world.deliver_down(2) {}
    set(&mut world, 2, 10 * HOUR, 1, &[(NAME, 1000)]);
    let (rows, ledger) = end(world);
    assert_eq!(rows[&1][NAME], Some(1000));
    assert!(ledger.is_empty());
}

#[test]
fn other_columns_of_a_row_are_no_conflict() {
    let mut world = offices(2, rules());
    set(&mut world, 1, HOUR, 1, &[(NAME, 500)]);
    set(&mut world, 2, HOUR, 1, &[(CITY, 600)]);
    let (rows, ledger) = end(world);
    assert_eq!((rows[&1][NAME], rows[&1][CITY]), (Some(500), Some(600)));
    assert!(ledger.is_empty());
}

#[test]
fn other_columns_of_a_row_are_a_conflict_where_rows_are_whole() {
    let granularity = Granularity::Rows(RowPolicy::LastUpdateWins);
    let mut world = offices(
        2,
        TableRules {
            granularity,
            ..rules()
        },
    );
    set(&mut world, 1, 2 * HOUR, 1, &[(NAME, 500), (NUMBER, 9)]);
    set(&mut world, 2, HOUR, 1, &[(CITY, 600), (NUMBER, 8)]);
    let (rows, ledger) = end(world);
    assert_eq!((rows[&1][NAME], rows[&1][CITY]), (Some(500), Some(-99)));
    assert_eq!(rows[&1][NUMBER], Some(7), "sums merge all the same");
    assert_eq!(ledger[0].whole, Some(Winner::Ours));
}

#[test]
fn the_writer_of_the_column_counts_not_the_last_one_at_the_row() {
    let mut world = offices(3, rules());
    set(&mut world, 1, 11 * HOUR, 1, &[(NAME, 1100)]);
    set(&mut world, 2, 9 * HOUR, 1, &[(CITY, 900)]);
    set(&mut world, 3, 10 * HOUR, 1, &[(NAME, 1000)]);
    for branch in 1..=3 {
        send(&mut world, branch);
    }
    let (rows, _) = end(world);
    assert_eq!((rows[&1][NAME], rows[&1][CITY]), (Some(1100), Some(900)));
}

#[test]
fn three_offices_sell_the_same_item_while_cut_off() {
    let mut world = offices(3, rules());
    for office in [1, 2, 3, 1] {
        let left = world.rows(office)[&1][NUMBER].unwrap();
        set(&mut world, office, HOUR, 1, &[(NUMBER, left - 1)]);
    }
    let (rows, ledger) = end(world);
    assert_eq!(rows[&1][NUMBER], Some(6));
    assert!(ledger.iter().all(|conflict| !conflict.lost()));
}

#[test]
fn a_deletion_against_an_update() {
    // (deleted at, updated at, the deletion arrives first, the row is there in the end)
    for (deleted, updated, deletion_first, stays) in [
        (1, 2, true, true),
        (1, 2, false, true),
        (2, 1, true, false),
        (2, 1, false, false),
    ] {
        let mut world = offices(2, rules());
        delete(&mut world, 1, deleted * HOUR, 1);
        set(&mut world, 2, updated * HOUR, 1, &[(NAME, 700)]);
        send(&mut world, if deletion_first { 1 } else { 2 });
        let (rows, ledger) = end(world);
        assert_eq!(
            rows.get(&1).is_some_and(|row| row[NAME] == Some(700)),
            stays
        );
        let kind = if deletion_first {
            Kind::UpdateDeleted
        } else {
            Kind::DeleteOriginDiffers
        };
        assert_eq!(
            ledger
                .iter()
                .map(|conflict| conflict.kind)
                .collect::<Vec<_>>(),
            [kind]
        );
    }
}

#[test]
fn both_delete() {
    let mut world = offices(2, rules());
    delete(&mut world, 1, HOUR, 1);
    delete(&mut world, 2, HOUR, 1);
    let (rows, ledger) = end(world);
    assert!(!rows.contains_key(&1));
    let kinds: Vec<_> = ledger.iter().map(|conflict| conflict.kind).collect();
    assert_eq!(kinds, [Kind::DeleteMissing]);
}

#[test]
fn an_insert_against_an_insert() {
    let mut world = offices(2, rules());
    commit(&mut world, 1, 2 * HOUR, Op::Insert(row(5, 200)));
    let other = [Some(5), Some(300), Some(-95), None, Some(4)];
    commit(&mut world, 2, HOUR, Op::Insert(other));
    let (rows, ledger) = end(world);
    assert_eq!(rows[&5], [Some(5), Some(200), Some(-95), None, Some(14)]);
    assert_eq!(ledger[0].kind, Kind::InsertExists);
}

#[test]
fn the_same_insert_twice_is_no_conflict() {
    let mut world = offices(2, rules());
    commit(&mut world, 1, HOUR, Op::Insert(row(5, 200)));
    commit(&mut world, 2, HOUR, Op::Insert(row(5, 200)));
    let (rows, ledger) = end(world);
    assert_eq!(rows[&5], row(5, 200));
    assert!(ledger.is_empty());
}

#[test]
fn edits_on_edits_while_a_merged_acknowledgement_is_under_way() {
    let mut world = offices(1, rules());
    set(&mut world, 0, 5 * HOUR, 1, &[(NAME, 500)]);
    set(&mut world, 1, 4 * HOUR, 1, &[(NAME, 400), (NUMBER, 9)]);
    send(&mut world, 1);
    // The branch goes on from what it has, and the head's answer comes when it has already done so.
    set(&mut world, 1, 6 * HOUR, 1, &[(CITY, 600), (NUMBER, 8)]);
    while world.deliver_down(1) {}
    assert_eq!(world.rows(1)[&1][NAME], Some(400), "pending: left alone");
    set(&mut world, 1, 7 * HOUR, 1, &[(NUMBER, 7)]);
    let (rows, ledger) = end(world);
    assert_eq!(rows[&1], [Some(1), Some(500), Some(600), None, Some(7)]);
    let lost: Vec<_> = ledger.iter().filter(|conflict| conflict.lost()).collect();
    assert_eq!(lost.len(), 1, "{ledger:?}");
}

#[test]
fn a_later_transaction_of_the_same_tick_stands_as_sent() {
    // The first one loses and is put right at the branch; the second wins, and must not be lost by that.
    let mut world = offices(1, rules());
    set(&mut world, 0, 5 * HOUR, 1, &[(NAME, 500)]);
    set(&mut world, 1, 4 * HOUR, 1, &[(NAME, 400)]);
    set(&mut world, 1, 6 * HOUR, 1, &[(NAME, 600)]);
    let (rows, _) = end(world);
    assert_eq!(rows[&1][NAME], Some(600));
}

#[test]
fn what_a_branch_left_out_is_not_forgotten() {
    let mut world = offices(2, rules());
    set(&mut world, 1, 4 * HOUR, 1, &[(NAME, 400)]);
    set(&mut world, 0, 5 * HOUR, 1, &[(NAME, 500)]);
    // The head's change comes by before the branch puts its own under way: it has applied it, not seen it.
    while world.deliver_down(1) {}
    while world.deliver_down(2) {}
    world.position(1, true);
    world.position(2, true);
    let (rows, ledger) = end(world);
    assert_eq!(rows[&1][NAME], Some(500));
    assert_eq!(ledger[0].columns[0].winner, Winner::Ours);
}

#[test]
fn a_truncation_against_pending_rows() {
    let mut world = offices(2, rules());
    set(&mut world, 1, 9 * HOUR, 1, &[(NAME, 900)]);
    set(&mut world, 2, 7 * HOUR, 2, &[(NAME, 700)]);
    commit(&mut world, 0, 8 * HOUR, Op::Truncate);
    while world.deliver_down(1) {}
    assert_eq!(
        world.rows(1).keys().collect::<Vec<_>>(),
        [&1],
        "only what is pending stays"
    );
    let (rows, ledger) = end(world);
    assert_eq!(
        rows.keys().collect::<Vec<_>>(),
        [&1],
        "9 o'clock is later than the truncation, 7 is not"
    );
    assert!(
        ledger
            .iter()
            .all(|conflict| conflict.kind == Kind::UpdateDeleted)
    );
    assert_eq!(ledger.len(), 2);
}

#[test]
fn a_branch_truncates_what_others_change() {
    let mut world = offices(2, rules());
    commit(&mut world, 1, 8 * HOUR, Op::Truncate);
    commit(&mut world, 1, 8 * HOUR, Op::Insert(row(3, 300)));
    set(&mut world, 0, 9 * HOUR, 1, &[(NAME, 900)]);
    set(&mut world, 2, 7 * HOUR, 2, &[(NAME, 700)]);
    send(&mut world, 2);
    let (rows, ledger) = end(world);
    assert_eq!(
        rows.keys().collect::<Vec<_>>(),
        [&1, &3],
        "the row of 9 o'clock survives"
    );
    let winners: Vec<_> = ledger.iter().map(|conflict| conflict.whole).collect();
    assert_eq!(winners, [Some(Winner::Ours), Some(Winner::Theirs)]);
}

#[test]
fn a_row_moves_to_a_key_that_was_taken() {
    let mut world = offices(1, rules());
    commit(&mut world, 0, HOUR, Op::Insert(row(3, 300)));
    set(&mut world, 1, 2 * HOUR, 1, &[(0, 3)]);
    let (rows, ledger) = end(world);
    assert_eq!((rows[&1][NAME], rows[&3][NAME]), (Some(-1), Some(300)));
    assert_eq!(ledger[0].kind, Kind::MultipleUniqueConflicts);
    assert!(ledger[0].parked());
}

#[test]
fn a_row_moves_while_another_office_changes_it() {
    let mut world = offices(2, rules());
    set(&mut world, 2, HOUR, 1, &[(NAME, 100)]);
    set(&mut world, 1, 2 * HOUR, 1, &[(0, 4)]);
    send(&mut world, 2);
    let (rows, ledger) = end(world);
    assert!(!rows.contains_key(&1));
    assert_eq!(rows[&4][NAME], Some(100));
    assert!(ledger.is_empty());
}
