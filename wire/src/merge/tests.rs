//! Single cases of the branch's side, and of names.

use super::*;

const A: Key = Key { table: 1, hash: 7 };
const B: Key = Key { table: 1, hash: 8 };
const OTHER: Key = Key { table: 2, hash: 7 };

#[test]
fn a_key_is_pending_until_its_last_change_is_acknowledged() {
    let mut pending = Pending::default();
    pending.push(1, Touched::Key(A));
    pending.push(2, Touched::Key(A));
    pending.push(2, Touched::Key(B));
    pending.acknowledge(1);
    assert!(pending.contains(A) && pending.contains(B) && !pending.contains(OTHER));
    assert_eq!(pending.keys(1).count(), 2);
    pending.acknowledge(2);
    assert!(!pending.contains(A) && pending.is_empty());
}

#[test]
fn a_pending_truncate_is_pending_for_every_key_of_its_table() {
    let mut pending = Pending::default();
    pending.push(3, Touched::Table(1));
    assert!(pending.contains(A) && !pending.contains(OTHER));
    pending.acknowledge(2);
    assert!(pending.truncated(1));
    pending.acknowledge(3);
    assert!(!pending.contains(A));
}

#[test]
fn a_position_waits_for_what_was_left_out() {
    let (mut pending, mut left_out) = (Pending::default(), LeftOut::default());
    pending.push(1, Touched::Key(A));
    left_out.add(A, 6);
    left_out.add(A, 9);
    assert_eq!(left_out.acknowledged(10), 5);
    left_out.settle(&pending);
    assert_eq!(left_out.acknowledged(10), 5);
    pending.acknowledge(1);
    left_out.settle(&pending);
    assert_eq!(left_out.acknowledged(10), 10);
}

#[test]
fn kinds_have_the_names_of_postgresql() {
    for kind in Kind::ALL {
        assert_eq!(kind.name().parse(), Ok(kind));
    }
    assert_eq!(
        Kind::UpdateOriginDiffers.to_string(),
        "update_origin_differs"
    );
    assert_eq!("update".parse::<Kind>(), Err(UnknownKind));
}

#[test]
fn of_equal_times_the_smaller_name_is_later() {
    let [ant, bee] = ["ant", "bee"].map(|office| Authored {
        office,
        commit_time: 5,
    });
    assert!(ant.later_than(&bee) && !bee.later_than(&ant));
}

#[test]
fn a_row_that_nobody_else_touched_does_not_survive_a_truncate() {
    let mut unseen = Unseen::new(1);
    let (early, late) = (
        Authored {
            office: "ant",
            commit_time: 5,
        },
        Authored {
            office: "bee",
            commit_time: 6,
        },
    );
    let row = [Some("1")];
    let standing = |by, unseen: &Unseen<'static>| {
        let outcome = truncate(&row, by, unseen, DeletePolicy::LaterWins);
        (outcome.standing, outcome.conflict.is_some())
    };
    assert_eq!(standing(early, &unseen), (Standing::AsSent, false));
    unseen.own(true);
    assert_eq!(
        standing(early, &unseen),
        (Standing::AsSent, true),
        "recorded: it may hold another's value"
    );
    unseen.updated(&[0], late);
    assert_eq!(standing(early, &unseen), (Standing::Ours, true));
}
