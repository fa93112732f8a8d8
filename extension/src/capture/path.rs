//! At the head: to which office the rows of a table belong that is shared out by a foreign key, and what becomes of
//! them when the row they refer to changes hands.
//!
//! Here SQL runs in the trigger, with our own rights and the newest snapshot: whether the parent is there has been
//! checked by that, too. A parent that this transaction has deleted, or given another key, is remembered.

use super::layout::{Direct, Layout};
use super::scope::Audience;
use crate::outbox;
use crate::pg::spi::{self, Fixed, Parameter, Statement};
use crate::pg::{catalog, settings, user, xact};
use crate::transaction;
use core::ops::ControlFlow;
use pgrx::pg_sys::{INT8OID, Oid, TEXTOID};
use std::cell::RefCell;
use std::collections::HashMap;

thread_local! {
    static QUERY: Fixed = const {
        Fixed::new(
            "SELECT q.parent::bigint, array_to_string(q.columns, chr(10)), q.query FROM officesync.scope_query($1::oid::regclass) q",
            &[INT8OID],
        )
    };
    static DEPENDENTS: Fixed = const {
        Fixed::new(
            "SELECT d.dependent::bigint, array_to_string(d.columns, chr(10)), d.query FROM officesync.scope_dependents($1::oid::regclass) d",
            &[INT8OID],
        )
    };
    static LAST: RefCell<Option<Found>> = const { RefCell::new(None) };
    /// The rows that this transaction took from under their children: table and key, and whose they were.
    static GONE: RefCell<HashMap<(u32, Vec<u8>), Audience>> = RefCell::default();
}

/// The row that was looked for last.
struct Found {
    table: u32,
    /// The command that asked.
    command: u32,
    key: Vec<u8>,
    audience: Audience,
}

/// The foreign key that tells to which office a row belongs.
pub(super) struct Path {
    parent: Oid,
    /// Its columns, by name.
    pub(super) columns: Vec<String>,
    query: Statement,
}

/// A table whose rows go where those of another go.
pub(super) struct Dependent {
    relation: Oid,
    /// The columns of the other to which it refers.
    pub(super) columns: Vec<String>,
    query: String,
}

/// A row that changes hands, or loses its key, under those that refer to it.
pub(super) struct Moved {
    pub(super) table: Oid,
    /// For each dependent the values of the columns it refers to, as they were.
    pub(super) keys: Vec<Vec<u8>>,
    pub(super) from: Audience,
    pub(super) to: Audience,
}

impl Path {
    /// Of a table that has one; None where its foreign key is gone: then nobody gets anything.
    pub(super) fn of(table: Oid) -> Option<Self> {
        as_ourselves(|| {
            let parameters = [Parameter::Int8(i64::from(table.to_u32()))];
            let rows = QUERY.with(|query| query.statement().rows(&parameters, 1));
            Some(Self {
                parent: Oid::from(rows.number(0, 0)? as u32),
                columns: names(rows.text(0, 1)?),
                query: Statement::prepare(rows.text(0, 2)?, &[TEXTOID]),
            })
        })
    }

    /// To whom the rows with this key, a JSON array, belong; None where there is no such row.
    pub(super) fn audience(&self, key: &[u8]) -> Option<Audience> {
        // Rows that refer to the same one come together. Our own writes begin another command; others can't hand it over
        // while we write rows that refer to it.
        let (table, command) = (self.parent.to_u32(), xact::begin_command());
        let is_it =
            |last: &&Found| (last.table, last.command) == (table, command) && last.key == key;
        let known = LAST.with_borrow(|last| {
            let last = last.as_ref().filter(is_it);
            last.map(|last| last.audience.clone())
        });
        known.or_else(|| {
            let audience = self.look(key)?;
            LAST.set(Some(Found {
                table,
                command,
                key: key.to_vec(),
                audience: audience.clone(),
            }));
            Some(audience)
        })
    }

    fn look(&self, key: &[u8]) -> Option<Audience> {
        let text = core::str::from_utf8(key).ok()?;
        let found = with_our_rights(|| {
            let rows = self.query.newest_rows(&[Parameter::Text(text)], 1);
            (rows.len() > 0).then(|| Audience::named(rows.text(0, 0)))
        });
        found.or_else(|| remembered(self.parent, key))
    }
}

/// The tables whose rows go where those of `table` go.
pub(super) fn dependents(table: Oid) -> Vec<Dependent> {
    as_ourselves(|| {
        let parameters = [Parameter::Int8(i64::from(table.to_u32()))];
        let rows = DEPENDENTS.with(|all| all.statement().rows(&parameters, 0));
        (0..rows.len())
            .filter_map(|row| {
                Some(Dependent {
                    relation: Oid::from(rows.number(row, 0)? as u32),
                    columns: names(rows.text(row, 1)?),
                    query: rows.text(row, 2)?.to_owned(),
                })
            })
            .collect()
    })
}

/// A row has gone from under those that refer to it, or has another key: whoever asks for it by the old one is told.
pub(super) fn remember(table: Oid, key: Vec<u8>, audience: &Audience) {
    GONE.with_borrow_mut(|gone| gone.insert((table.to_u32(), key), audience.clone()));
}

/// Whose the row with that key was that this transaction took away.
pub(super) fn remembered(table: Oid, key: &[u8]) -> Option<Audience> {
    GONE.with_borrow(|gone| match gone.is_empty() {
        true => None,
        false => gone.get(&(table.to_u32(), key.to_vec())).cloned(),
    })
}

/// The transaction is over.
pub(crate) fn forget() {
    LAST.set(None);
    GONE.with_borrow_mut(HashMap::clear);
}

/// The rows that refer to one that has changed hands, and those that refer to them, go with it: gone for the one
/// office, new for the other. Nobody writes to these tables meanwhile: a row added by another transaction, that still
/// saw the old owner, would be left behind.
pub(super) fn follow(moved: &Moved) {
    for (dependent, key) in dependents(moved.table).iter().zip(&moved.keys) {
        let mut further = Vec::new();
        as_ourselves(|| {
            lock(dependent.relation);
            let mut layout = Layout::of(catalog::describe_selected(dependent.relation));
            let key = Parameter::Text(core::str::from_utf8(key).unwrap_or_default());
            let level = xact::nest_level();
            Statement::prepare(&dependent.query, &[TEXTOID]).each_newest_tuple(&[key], |row| {
                let full = transaction::with_buffer(|buffer| {
                    let sink = &mut Direct { buffer, level };
                    layout.hand_over(sink, row, &moved.from, &moved.to);
                    sink.buffer.pending_bytes() >= outbox::FULL_BYTES
                });
                if full {
                    outbox::flush_early(level);
                }
                further.push(layout.keys_referred_to(row));
                ControlFlow::Continue(())
            });
        });
        for keys in further.into_iter().filter(|keys| !keys.is_empty()) {
            follow(&Moved {
                table: dependent.relation,
                keys,
                from: moved.from.clone(),
                to: moved.to.clone(),
            });
        }
    }
}

fn lock(table: Oid) {
    let (schema, name) = catalog::name_of(table);
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let sql = format!(
        "LOCK TABLE {}.{} IN SHARE ROW EXCLUSIVE MODE",
        quoted(&schema),
        quoted(&name)
    );
    Statement::prepare(&sql, &[]).run(&[]);
}

fn names(lines: &str) -> Vec<String> {
    lines.split('\n').map(str::to_owned).collect()
}

/// Runs `work` with our own rights and names, whoever the user is: statements are prepared in it.
fn as_ourselves<R>(work: impl FnOnce() -> R) -> R {
    settings::scoped(&[(c"search_path", c"pg_catalog, pg_temp")], || {
        with_our_rights(work)
    })
}

fn with_our_rights<R>(work: impl FnOnce() -> R) -> R {
    user::acting_as(user::FOUNDER, || spi::connected(work))
}
