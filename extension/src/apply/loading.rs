//! The head's ticks at a branch whose tables are being loaded.
//!
//! What arrives for a table of which no row has been taken yet is contained in its chunks, which are read later:
//! it is left out. Then each change says how its row stands at the head, whether the row is here or not; a chunk
//! read later says the same or something newer. Nobody here writes to these tables, so nothing is pending.

use super::lines::{Checks, Feed, Sender};
use super::put::Puts;
use super::schema;
use super::target;
use super::tick::Amount;
use super::write;
use crate::merge;
use crate::pg::spi::{self, Fixed};
use officesync_wire::decode::{Change, Line, RowGroup};
use std::collections::HashMap;

thread_local! {
    static TABLES: Fixed = const {
        Fixed::new(
            "SELECT schema_name, table_name, begun FROM officesync.load_table",
            &[],
        )
    };
}

/// Applies the tick that `feed` gives.
pub(super) fn apply(sender: &Sender, feed: Feed<'_>) -> Amount {
    let mut loader = Loader {
        checks: Checks::new(sender.clone()),
        begun: tables(),
        puts: Puts::default(),
        amount: Amount::default(),
    };
    let bytes = feed(&mut |line| loader.line(line));
    loader.checks.finish();
    loader.puts.finish();
    Amount {
        bytes,
        ..loader.amount
    }
}

/// Of which tables rows have been taken, by schema and name.
fn tables() -> HashMap<(String, String), bool> {
    let rows = spi::connected(|| TABLES.with(|tables| tables.statement().rows(&[], 0)));
    (0..rows.len())
        .filter_map(|row| {
            let name = (rows.text(row, 0)?.to_owned(), rows.text(row, 1)?.to_owned());
            Some((name, rows.is_true(row, 2)))
        })
        .collect()
}

struct Loader {
    checks: Checks,
    begun: HashMap<(String, String), bool>,
    puts: Puts,
    amount: Amount,
}

impl Loader {
    fn line(&mut self, line: &Line<'_>) {
        if self.checks.line(line) {
            let tick = line.origin_tick.unwrap_or_default();
            self.amount.acknowledged = self.amount.acknowledged.max(tick);
            if !line.merged {
                return;
            }
        }
        for change in &line.changes {
            self.change(line, change);
        }
    }

    fn change(&mut self, line: &Line<'_>, change: &Change<'_>) {
        let (schema, table) = match change {
            Change::Truncate { schema, table, .. }
            | Change::Rows(RowGroup { schema, table, .. }) => (schema, table),
            Change::Ddl(_) | Change::Tracking { .. } => {
                // Before the tables are made it is contained in what makes them.
                if !self.begun.is_empty() {
                    self.puts.finish();
                    schema::with_labels(|| schema::apply(&self.checks, line, change));
                    self.begun = tables();
                    self.amount.changes += 1;
                }
                return;
            }
        };
        let name = (schema.to_string(), table.to_string());
        let is_contained = match self.begun.get(&name) {
            Some(begun) => !begun,
            // Tracked at the head since: it is here from its beginning.
            None => target::find_tracked(schema, table).is_none(),
        };
        if is_contained {
            return;
        }
        let target = spi::connected(|| target::find(schema, table));
        self.checks.table(&target.direction, target.plain_name());
        match change {
            Change::Truncate { .. } => {
                self.puts.finish();
                write::truncate(&[name]);
                self.amount.changes += 1;
            }
            Change::Ddl(_) | Change::Tracking { .. } => {}
            Change::Rows(group) => {
                if target.row_key().is_some() {
                    self.puts.put(&target, group);
                } else {
                    // All its rows came in one piece, so each change finds its row.
                    self.puts.finish();
                    for row in group.rows() {
                        merge::branch::take_unkeyed(&target, group, row);
                    }
                }
                self.amount.changes += group.len() as i64;
            }
        }
    }
}
