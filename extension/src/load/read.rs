//! Rows that a query gives -> one line of the wire format.

use super::waiting;
use crate::capture::Inserts;
use crate::outbox;
use crate::pg::spi::{self, Parameter, Statement};
use crate::pg::{catalog, settings, user};
use crate::transaction::Author;
use core::ops::ControlFlow;
use officesync_wire::encode::{self, ByColumn};
use pgrx::prelude::*;
use std::ffi::CString;
use std::time::Instant;

/// `officesync.encode_rows(...)`; see `sql/functions/load/load_rows.sql`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn encode_rows(
    query: &str,
    path: Option<&str>,
    leaf: pg_sys::Oid,
    root: pg_sys::Oid,
    key: Vec<Option<String>>,
    parameters: Vec<Option<String>>,
    max_bytes: i64,
) -> TableIterator<
    'static,
    (
        name!(line, Vec<u8>),
        name!(rows, i64),
        name!(last, Option<String>),
        name!(more, bool),
        name!(waited, f64),
    ),
> {
    let (began, waited) = (Instant::now(), waiting::so_far());
    let key: Vec<String> = key.into_iter().flatten().collect();
    let parameters: Vec<Parameter<'_>> = parameters
        .iter()
        .map(|text| text.as_deref().map_or(Parameter::Null, Parameter::Text))
        .collect();
    let mut inserts = Inserts::of(leaf, root, &key);
    let (mut is_full, mut more) = (false, false);
    user::acting_as(catalog::owner_of(root), || {
        with_path(path, || {
            spi::connected(|| {
                let statement = Statement::prepare(query, &vec![pg_sys::TEXTOID; parameters.len()]);
                statement.each_tuple(&parameters, |row| {
                    if is_full {
                        more = true;
                        return ControlFlow::Break(());
                    }
                    inserts.add(row);
                    is_full = max_bytes > 0 && inserts.bytes() as i64 >= max_bytes;
                    if is_full {
                        inserts.end_with(row);
                    }
                    ControlFlow::Continue(())
                });
            });
        });
    });
    let (rows, last) = (inserts.rows(), inserts.last_key());
    let line = if rows == 0 { Vec::new() } else { line(inserts) };
    let waited = waiting::so_far().zip(waited);
    let waited = waited.map_or(0.0, |(now, before)| {
        now.saturating_sub(before).as_secs_f64() / began.elapsed().as_secs_f64()
    });
    TableIterator::once((line, rows, last, more, waited))
}

/// The operators of an extension's types lie wherever the extension was put.
fn with_path(path: Option<&str>, work: impl FnOnce()) {
    match path.and_then(|path| CString::new(format!("pg_catalog, {path}, pg_temp")).ok()) {
        Some(path) => settings::scoped(&[(c"search_path", &path)], work),
        None => work(),
    }
}

fn line(inserts: Inserts) -> Vec<u8> {
    // Not a transaction of the log: it has no number there.
    let mut line = outbox::line_head(&Author::User, 0, None);
    line.extend_from_slice(&inserts.finish());
    encode::line_end(&mut line);
    ByColumn::default().turn(&line).to_vec()
}
