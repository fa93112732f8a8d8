//! At a branch: what was left out of the head's log, because the rows had changes of this office.
//!
//! The head needs these ticks when those changes reach it: they say what this office had not seen. So it is
//! not told of a later position until they are decided on ([`officesync_wire::merge::LeftOut`] is the model).
//! A row of ours that had to make room is kept note of too: its fate comes with the acknowledgement, also where
//! the head took it as it was.

use super::pending;
use crate::pg::spi::{self, Fixed, Parameter};
use officesync_wire::merge::{Key, Touched};
use pgrx::pg_sys::{BOOLOID, INT8OID, TEXTOID};

thread_local! {
    static ADD: Fixed = const {
        Fixed::new(
            "INSERT INTO officesync.left_out (relation, key, tick, displaced)
             VALUES ($1::oid, $2::uuid, $3, $4)
             ON CONFLICT (relation, key) DO UPDATE SET displaced = left_out.displaced OR EXCLUDED.displaced",
            &[INT8OID, TEXTOID, INT8OID, BOOLOID],
        )
    };
    static ALL: Fixed = const {
        Fixed::new(
            "SELECT relation::oid::bigint, replace(key::text, '-', ''), displaced FROM officesync.left_out",
            &[],
        )
    };
    static REJOINED: Fixed = const {
        Fixed::new(
            "SELECT EXISTS (SELECT FROM officesync.peer WHERE role = 'head' AND rejoin_tick IS NOT NULL)",
            &[],
        )
    };
    static REMOVE: Fixed = const {
        Fixed::new(
            "DELETE FROM officesync.left_out WHERE relation = $1::oid AND key = $2::uuid",
            &[INT8OID, TEXTOID],
        )
    };
}

/// A change of the head's tick was left out for this key; `displaced`: our row made room for another.
pub(super) fn add(key: Key, tick: i64, displaced: bool) {
    let hash = format!("{:032x}", key.hash);
    spi::connected(|| {
        ADD.with(|add| {
            add.statement().run(&[
                Parameter::Int8(i64::from(key.table)),
                Parameter::Text(&hash),
                Parameter::Int8(tick),
                Parameter::Boolean(displaced),
            ])
        })
    });
}

/// The keys of rows that made room for others.
pub(super) fn displaced() -> Vec<Key> {
    let all = read().into_iter();
    all.filter_map(|(key, displaced)| displaced.then_some(key))
        .collect()
}

/// Whether this branch went on somewhere in the head's log because it was away too long: a row that is not as it is at
/// the head is no riddle then, and will be put right.
pub(super) fn has_rejoined() -> bool {
    let rows = spi::connected(|| REJOINED.with(|rejoined| rejoined.statement().rows(&[], 1)));
    rows.is_true(0, 0)
}

/// Forgets the keys that are not pending any more, now that our ticks up to `acknowledged` are decided on.
pub(crate) fn settle(acknowledged: i64) {
    pending::refresh();
    for (key, _) in read() {
        if !pending::contains(Touched::Key(key), acknowledged) {
            let hash = format!("{:032x}", key.hash);
            let parameters = [
                Parameter::Int8(i64::from(key.table)),
                Parameter::Text(&hash),
            ];
            spi::connected(|| REMOVE.with(|remove| remove.statement().run(&parameters)));
        }
    }
}

fn read() -> Vec<(Key, bool)> {
    spi::connected(|| {
        let rows = ALL.with(|all| all.statement().rows(&[], 0));
        (0..rows.len())
            .filter_map(|row| {
                let table = u32::try_from(rows.number(row, 0)?).ok()?;
                let hash = u128::from_str_radix(rows.text(row, 1)?, 16).ok()?;
                Some((Key { table, hash }, rows.is_true(row, 2)))
            })
            .collect()
    })
}
