//! A table that is emptied but for some rows.

use super::row::{Row, Table};
use super::unseen::key_of;
use crate::apply::target::Target;
use crate::pg::spi::{self, Statement};
use crate::pg::user;
use core::ops::ControlFlow;
use officesync_wire::merge::Key;

/// Every row of the table, with its key, locked.
pub(super) fn each_row(target: &Target, mut work: impl FnMut(&Table<'_>, Key, &Row)) {
    let mut names: Vec<&str> = target.columns.keys().map(String::as_str).collect();
    names.sort_unstable();
    let key: Vec<usize> = target
        .row_key()
        .into_iter()
        .flatten()
        .filter_map(|name| names.iter().position(|known| known == name))
        .collect();
    let table = Table {
        target,
        columns: &names,
        key: &key,
    };
    let shown: Vec<String> = names.iter().map(|name| table.text_of(name)).collect();
    let sql = format!(
        "SELECT {} FROM {} AS t FOR UPDATE",
        shown.join(", "),
        target.name
    );
    let mut rows: Vec<Row> = Vec::new();
    user::acting_as(target.owner, || {
        spi::connected(|| {
            Statement::prepare(&sql, &[]).each(&[], |found| {
                let text = |row, column| found.text(row, column).map(str::to_owned);
                let row = |row| (0..names.len()).map(|column| text(row, column)).collect();
                rows.extend((0..found.len()).map(row));
                ControlFlow::Continue(())
            });
        });
    });
    for row in &rows {
        if let Some(key) = key_of(target, &names, row) {
            work(&table, key, row);
        }
    }
}

/// Deletes all rows but those whose key is to be `kept`.
pub(super) fn but_for(target: &Target, kept: impl Fn(Key) -> bool) {
    each_row(target, |table, key, row| {
        if !kept(key) {
            table.write(Some(&super::row::borrowed(row)), None);
        }
    });
}
