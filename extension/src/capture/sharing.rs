//! Rows of a scoped table: each under the header of the office it is for.
//!
//! What a layout does beyond writing rows that are for all. A row that changes hands is gone for the one office, and
//! new for the other; rows that refer to it follow ([`super::path`]).

use super::layout::{Header, Layout, Sink};
use super::path::{self, Moved};
use super::scope::{Audience, Side};
use crate::addressed;
use crate::pg::settings::canonical;
use crate::pg::tuple::Tuple;
use officesync_wire::Op;
use std::collections::HashMap;
use std::rc::Rc;

/// The headers of one office's rows; of updates by the changed columns.
#[derive(Default)]
pub(super) struct Headers {
    insert: Option<Rc<Header>>,
    delete: Option<Rc<Header>>,
    updates: HashMap<Box<[u64]>, Rc<Header>>,
}

impl Layout {
    pub(super) fn insert(&mut self, sink: &mut impl Sink, row: &Tuple<'_>) {
        if self.scope.is_none() {
            return self.whole_row(&self.insert, sink, row);
        }
        let audience = self.address(row, Side::New);
        self.find_returned(row, &audience);
        self.insert_for(sink, row, &audience);
    }

    /// A row that this transaction has deleted and that is here again, for another office: an update that moves it to
    /// another partition is these two.
    fn find_returned(&mut self, row: &Tuple<'_>, to: &Audience) {
        let keys = self.keys_referred_to(row);
        let from = keys
            .iter()
            .find_map(|key| path::remembered(self.table, key));
        self.moved = from.filter(|from| from != to).map(|from| Moved {
            table: self.table,
            keys,
            from,
            to: to.clone(),
        });
    }

    fn insert_for(&mut self, sink: &mut impl Sink, row: &Tuple<'_>, audience: &Audience) {
        match audience {
            Audience::All => self.whole_row(&self.insert, sink, row),
            Audience::Office(office) => {
                let header = self.header_of(office, Op::Insert);
                self.whole_row(&header, sink, row);
            }
            Audience::Nobody => {}
        }
    }

    pub(super) fn delete(&mut self, sink: &mut impl Sink, row: &Tuple<'_>) {
        if self.scope.is_none() {
            return self.deleted_row(&self.delete, sink, row);
        }
        let audience = self.address(row, Side::Old);
        for key in self.keys_referred_to(row) {
            path::remember(self.table, key, &audience);
        }
        self.delete_for(sink, row, &audience);
    }

    fn delete_for(&mut self, sink: &mut impl Sink, row: &Tuple<'_>, audience: &Audience) {
        match audience {
            Audience::All => self.deleted_row(&self.delete, sink, row),
            Audience::Office(office) => {
                let header = self.header_of(office, Op::Delete);
                self.deleted_row(&header, sink, row);
            }
            Audience::Nobody => {}
        }
    }

    /// A row that goes from one office to another because the one it refers to does.
    pub(super) fn hand_over(
        &mut self,
        sink: &mut impl Sink,
        row: &Tuple<'_>,
        from: &Audience,
        to: &Audience,
    ) {
        self.delete_for(sink, row, from);
        self.insert_for(sink, row, to);
    }

    /// The values by which rows of other tables refer to this row, as JSON arrays.
    pub(super) fn keys_referred_to(&self, row: &Tuple<'_>) -> Vec<Vec<u8>> {
        let keys = self.referred.iter();
        keys.map(|places| self.array(places, row)).collect()
    }

    pub(super) fn places_referred_to(&self) -> Vec<Vec<usize>> {
        let place = |name: &String| self.columns.iter().position(|column| column.name == *name);
        let dependents = path::dependents(self.table);
        let keys = dependents.iter();
        keys.map(|one| one.columns.iter().filter_map(place).collect())
            .collect()
    }

    /// What the change written last has moved from one office to another.
    #[inline]
    pub(super) fn take_moved(&mut self) -> Option<Moved> {
        match &self.moved {
            None => None,
            Some(_) => self.moved.take(),
        }
    }

    /// For whom a row is; an error where a branch may not write it.
    #[inline]
    pub(super) fn address(&self, row: &Tuple<'_>, side: Side) -> Audience {
        match &self.scope {
            None => Audience::All,
            Some(scope) if scope.is_of_branch() => {
                scope.check_own(self, row, side);
                Audience::All
            }
            Some(scope) => scope.audience(self, row, side),
        }
    }

    /// The header of rows for one office; of an update with the columns that `changed` has.
    pub(super) fn header_of(&mut self, office: &str, op: Op) -> Rc<Header> {
        let known = self.of_offices.get(office).and_then(|headers| match op {
            Op::Insert => headers.insert.as_ref(),
            Op::Delete => headers.delete.as_ref(),
            Op::Update => headers.updates.get(self.changed.as_slice()),
        });
        if let Some(known) = known {
            return Rc::clone(known);
        }
        let changed: &[u64] = if op == Op::Update { &self.changed } else { &[] };
        let mut header = self.header(op, changed);
        header.bytes.splice(0..0, addressed::mark(office));
        let header = Rc::new(header);
        let headers = self.of_offices.entry(office.to_owned()).or_default();
        let kept = Rc::clone(&header);
        match op {
            Op::Insert => headers.insert = Some(kept),
            Op::Delete => headers.delete = Some(kept),
            Op::Update => {
                let changed = self.changed.clone().into_boxed_slice();
                headers.updates.insert(changed, kept);
            }
        }
        header
    }

    pub(super) fn check_truncate(&self) {
        if let Some(scope) = &self.scope {
            scope.check_truncate(self);
        }
    }

    /// A row that changes hands is gone for the one office, and new for the other.
    pub(super) fn update_in_scope(
        &mut self,
        sink: &mut impl Sink,
        old: &Tuple<'_>,
        new: &Tuple<'_>,
    ) {
        let (from, to) = (self.address(old, Side::Old), self.address(new, Side::New));
        let keys = self.keys_referred_to(old);
        for (was, is) in keys.iter().zip(self.keys_referred_to(new)) {
            if *was != is {
                path::remember(self.table, was.clone(), &to);
            }
        }
        match (&from, &to) {
            (Audience::All, Audience::All) => self.update_for_all(sink, old, new),
            (Audience::Office(_), _) if from == to => {
                if let Audience::Office(office) = &to {
                    let header = self.header_of(office, Op::Update);
                    self.updated_row(&header, sink, old, new);
                }
            }
            _ => {
                self.delete_for(sink, old, &from);
                self.insert_for(sink, new, &to);
            }
        }
        if from != to && !keys.is_empty() {
            self.moved = Some(Moved {
                table: self.table,
                keys,
                from,
                to,
            });
        }
    }

    /// The text of a column's value, where that is a plain one; None for NULL.
    pub(super) fn value_text(&self, column: usize, row: &Tuple<'_>) -> Option<String> {
        let column = self.columns.get(column)?;
        let mut json = Vec::new();
        canonical(self.needs, || {
            row.value(column.index)
                .map(|datum| column.writer.write(&mut json, datum))
        })?;
        let text = String::from_utf8(json).ok()?;
        let quoted = text
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'));
        Some(quoted.map_or_else(|| text.clone(), str::to_owned))
    }

    /// The values of these columns as a JSON array.
    pub(super) fn array(&self, places: &[usize], row: &Tuple<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        self.write_array(&mut out, places, row);
        out
    }

    /// Whether one of these columns is NULL.
    pub(super) fn has_null(&self, places: &[usize], row: &Tuple<'_>) -> bool {
        let columns = places.iter().filter_map(|place| self.columns.get(*place));
        columns
            .into_iter()
            .any(|column| row.value(column.index).is_none())
    }

    pub(super) fn column_name(&self, column: usize) -> &str {
        self.columns.get(column).map_or("", |column| &column.name)
    }
}
