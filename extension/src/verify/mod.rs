//! Whether two offices hold the same: digests of ranges of rows, and rows with their hashes.
//!
//! What is compared with what, and what follows, is SQL (`sql/functions/verify/`). Here the rows are read: in the
//! order of their key, as the texts of the wire format, so that neither the order of columns nor how rows lie on
//! disk matters. The pinned settings and the snapshot are the caller's.

mod range;
mod tell;

use crate::apply::target;
use crate::merge::pending;
use crate::merge::unseen::key_of;
use officesync_wire::merge::Touched;
use pgrx::prelude::*;
use range::{Bounds, Range};

/// `officesync.verify_key(...)`: the columns by which rows are told apart; see `sql/functions/verify/rows.sql`.
#[pg_extern(sql = false)]
fn verify_key(schema: &str, table: &str) -> Option<Vec<String>> {
    let target = target::find_tracked(schema, table)?;
    Some(target.row_key().unwrap_or_default().to_vec())
}

/// `officesync.verify_columns(...)`: the columns that travel, in the order of their names.
#[pg_extern(sql = false)]
fn verify_columns(schema: &str, table: &str) -> Option<Vec<String>> {
    let target = target::find_tracked(schema, table)?;
    let mut names: Vec<String> = target.columns.keys().cloned().collect();
    names.sort_unstable();
    Some(names)
}

/// `officesync.range_digests(...)`: the parts of a range, each with its end, its rows and its digest.
#[pg_extern(sql = false)]
#[allow(clippy::too_many_arguments)]
fn range_digests(
    schema: &str,
    table: &str,
    columns: Vec<String>,
    key: Vec<String>,
    after: Option<Vec<String>>,
    upto: Option<Vec<String>>,
    plain_order: bool,
    part_rows: i64,
    max_rows: i64,
    branch: &str,
) -> TableIterator<
    'static,
    (
        name!(upto, Option<Vec<String>>),
        name!(rows, i64),
        name!(digest, String),
        name!(ended, bool),
    ),
> {
    let bounds = Bounds { after, upto };
    let parts = target::find_tracked(schema, table).map_or_else(Vec::new, |target| {
        Range::new(&target, &columns, &key, plain_order, branch).parts(&bounds, part_rows, max_rows)
    });
    let rows = parts.into_iter().map(|part| {
        (
            part.upto,
            part.rows,
            format!("{:032x}", part.digest),
            part.ended,
        )
    });
    TableIterator::new(rows)
}

/// `officesync.range_rows(...)`: the rows of a range, each with its key, its hash and its texts.
#[pg_extern(sql = false)]
#[allow(clippy::too_many_arguments)]
fn range_rows(
    schema: &str,
    table: &str,
    columns: Vec<String>,
    key: Vec<String>,
    after: Option<Vec<String>>,
    upto: Option<Vec<String>>,
    plain_order: bool,
    max_rows: i64,
    branch: &str,
) -> TableIterator<
    'static,
    (
        name!(key, Vec<String>),
        name!(hash, String),
        name!(texts, Vec<Option<String>>),
    ),
> {
    let bounds = Bounds { after, upto };
    let mut found = Vec::new();
    if let Some(target) = target::find_tracked(schema, table) {
        let range = Range::new(&target, &columns, &key, plain_order, branch);
        range.each(&bounds, max_rows, |key, texts, hash| {
            let texts = texts.iter().map(|text| text.map(str::to_owned)).collect();
            found.push((key.to_vec(), format!("{:016x}", hash as u64), texts));
        });
    }
    TableIterator::new(found)
}

/// `officesync.is_pending(...)`: at a branch, whether the row has changes that the head has not decided on; where
/// its own key here is not known, whether any row of the table has.
#[pg_extern(sql = false)]
fn is_pending(schema: &str, table: &str, key: Vec<String>, values: Vec<String>) -> bool {
    pending::refresh();
    let Some(target) = target::find_tracked(schema, table) else {
        return false;
    };
    if pending::is_empty() {
        return false;
    }
    let here = target.row_key().unwrap_or_default();
    let is_known = !here.is_empty() && here.iter().all(|name| key.contains(name));
    if !is_known {
        let table = target.relation.to_u32();
        return !pending::keys_of(table).is_empty() || pending::contains(Touched::Table(table), 0);
    }
    let names: Vec<&str> = key.iter().map(String::as_str).collect();
    let values: Vec<Option<String>> = values.into_iter().map(Some).collect();
    key_of(&target, &names, &values).is_some_and(|key| pending::contains(Touched::Key(key), 0))
}

/// `officesync.tell_row(...)`: tells all offices, or one, how the row stands here; see `sql/functions/verify/rows.sql`.
#[pg_extern(sql = false)]
fn tell_row(
    schema: &str,
    table: &str,
    key: Vec<String>,
    values: Vec<String>,
    gone: bool,
    branch: &str,
) -> Option<Vec<Option<String>>> {
    let branch = Some(branch).filter(|branch| !branch.is_empty());
    tell::row(schema, table, &key, &values, gone, branch)
}

/// `officesync.push_row(...)`: at a branch, sends a row of its own; see `sql/functions/verify/repair.sql`.
#[pg_extern(sql = false)]
fn push_row(schema: &str, table: &str, key: Vec<String>, values: Vec<String>) -> bool {
    tell::push(schema, table, &key, &values)
}
