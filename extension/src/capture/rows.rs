//! Whole partitions that come or go without a row trigger: as many inserts, or deletes.

use super::captured;
use super::direction::Direction;
use super::layout::{Direct, Layout};
use crate::outbox;
use crate::pg::{catalog, scan, xact};
use crate::transaction;
use pgrx::prelude::*;

/// `officesync.capture_rows(partition, root, deleted)`; see `sql/functions/capture_rows.sql`.
#[pg_extern(sql = false)]
fn capture_rows(partition: pg_sys::Oid, root: pg_sys::Oid, direction: &str, deleted: bool) {
    if captured(Direction::named(direction.as_bytes()), root) {
        all_rows(partition, root, deleted);
    }
}

/// Captures each row of `partition` as a change of `root`.
pub(super) fn all_rows(partition: pg_sys::Oid, root: pg_sys::Oid, deleted: bool) {
    let level = xact::nest_level();
    let mut layout = Layout::of(catalog::describe_as(partition, root));
    scan::each_row(partition, |row| {
        let full = transaction::with_buffer(|buffer| {
            let mut sink = Direct { buffer, level };
            if deleted {
                layout.delete(&mut sink, row);
            } else {
                layout.insert(&mut sink, row);
            }
            sink.buffer.pending_bytes() >= outbox::FULL_BYTES
        });
        if full {
            outbox::flush_early(level);
        }
    });
}

/// `officesync.capture_columns(partition, root, columns)`; see `sql/functions/ddl/filled.sql`.
#[pg_extern(sql = false)]
fn capture_columns(partition: pg_sys::Oid, root: pg_sys::Oid, columns: Vec<Option<String>>) {
    let names: Vec<String> = columns.into_iter().flatten().collect();
    let level = xact::nest_level();
    let mut layout = Layout::of(catalog::describe_as(partition, root));
    scan::each_row(partition, |row| {
        let full = transaction::with_buffer(|buffer| {
            let mut sink = Direct { buffer, level };
            layout.filled(&mut sink, row, &names);
            sink.buffer.pending_bytes() >= outbox::FULL_BYTES
        });
        if full {
            outbox::flush_early(level);
        }
    });
}
