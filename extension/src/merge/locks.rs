//! The rows that a tick touches, locked before it is looked at what was done to them.

use super::keys;
use super::row::Table;
use crate::apply::lines::Feed;
use crate::apply::schema;
use crate::apply::target::{self, Target};
use crate::pg::catalog;
use officesync_wire::Op;
use officesync_wire::decode::{Change, RowGroup, Value};

/// Locks the tables that the tick empties, before anything else of them: a lock that is taken for their rows first and
/// then made stronger ends in a deadlock with a user who does the same.
pub(super) fn lock_emptied(feed: Feed<'_>) {
    let mut emptied = Vec::new();
    feed(&mut |line| {
        for change in &line.changes {
            if let Change::Truncate { schema, table, .. } = change {
                let target = target::find_tracked(schema, table);
                emptied.extend(target.map(|target| target.relation));
            }
        }
    });
    emptied.sort_unstable_by_key(|relation| relation.to_u32());
    emptied.dedup();
    emptied.into_iter().for_each(catalog::lock_alone);
}

/// Locks the rows of changes, so that what users have done to them is committed, or waits for us. Of those
/// behind a schema change nothing can be known yet.
pub(super) fn lock(changes: &[Change<'_>]) {
    for change in changes {
        if schema::is_one(change) {
            return;
        }
        if let Change::Rows(group) = change
            && let Some(target) = target::find_tracked(&group.schema, &group.table)
        {
            with_table(&target, group, |table| {
                for row in group.rows() {
                    let sides = Sides::of(group, row);
                    for like in [&sides.old, &sides.new].into_iter().flatten() {
                        table.read(like);
                    }
                }
            });
        }
    }
}

pub(super) fn with_table(target: &Target, group: &RowGroup<'_>, work: impl FnOnce(&Table<'_>)) {
    let columns: Vec<&str> = group.columns.iter().map(|name| &**name).collect();
    let key = keys::columns(target, group);
    work(&Table {
        target,
        columns: &columns,
        key: key.as_deref().unwrap_or(&group.key),
    });
}

/// The row before and after the change.
pub(crate) struct Sides<'a> {
    pub(crate) old: Option<Vec<Option<&'a str>>>,
    pub(crate) new: Option<Vec<Option<&'a str>>>,
}

impl<'a> Sides<'a> {
    pub(crate) fn of(group: &'a RowGroup<'_>, row: &'a [Value<'_>]) -> Self {
        let width = group.columns.len();
        let old = (group.op != Op::Insert).then(|| {
            (0..width)
                .map(|column| group.old_value(row, column)?.as_deref())
                .collect()
        });
        let new =
            (group.op != Op::Delete).then(|| row[..width].iter().map(Option::as_deref).collect());
        Self { old, new }
    }
}
