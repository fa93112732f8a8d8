//! How the rows of one table are written, worked out once a session.
//!
//! Headers are cached ready-made; an update's depends on the set of changed columns too. Everything
//! is dropped when the catalogue changes.

use crate::buffer::{Buffer, GroupId};
use crate::pg::catalog::{self, Column, Fresh};
use crate::pg::settings::Canonical;
use crate::pg::tuple::Tuple;
use officesync_wire::{Op, encode};
use pgrx::pg_sys::Oid;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

/// One table's columns and ready-made headers.
pub(super) struct Layout {
    schema: String,
    name: String,
    columns: Vec<Column>,
    needs_settings: bool,
    insert: Header,
    delete: Header,
    /// By the changed columns, as a bit set over `columns`.
    updates: HashMap<Box<[u64]>, Header>,
    /// Reused between updates.
    changed: Vec<u64>,
}

struct Header {
    id: GroupId,
    bytes: Vec<u8>,
}

thread_local! {
    static LAYOUTS: RefCell<Fresh<HashMap<Oid, Layout>>> = RefCell::default();
    static NEXT_ID: Cell<GroupId> = const { Cell::new(0) };
}

/// Runs `work` with the layout of `relation`, whose trigger calls `function`.
#[inline]
pub(super) fn with(relation: Oid, function: Oid, work: impl FnOnce(&mut Layout)) {
    LAYOUTS.with_borrow_mut(|layouts| {
        work(
            layouts
                .get()
                .entry(relation)
                .or_insert_with(|| Layout::of(relation, function)),
        );
    });
}

impl Layout {
    fn of(relation: Oid, function: Oid) -> Self {
        let table = catalog::describe(relation, function);
        let mut layout = Self {
            needs_settings: table
                .columns
                .iter()
                .any(|column| column.writer.needs_settings()),
            changed: vec![0; table.columns.len().div_ceil(64)],
            insert: Header {
                id: 0,
                bytes: Vec::new(),
            },
            delete: Header {
                id: 0,
                bytes: Vec::new(),
            },
            updates: HashMap::new(),
            schema: table.schema,
            name: table.name,
            columns: table.columns,
        };
        layout.insert = layout.header(Op::Insert, &[]);
        layout.delete = layout.header(Op::Delete, &[]);
        layout
    }

    fn header(&self, op: Op, changed: &[u64]) -> Header {
        let all: Vec<&str> = self
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        let key: Vec<&str> = self
            .columns
            .iter()
            .filter(|column| column.in_key)
            .map(|column| column.name.as_str())
            .collect();
        let changed: Vec<&str> = set_bits(changed)
            .filter_map(|index| all.get(index).copied())
            .collect();
        let bytes = encode::group_header(&encode::Group {
            schema: &self.schema,
            table: &self.name,
            op,
            columns: &all,
            key: &key,
            changed: &changed,
        });
        Header {
            id: NEXT_ID.replace(NEXT_ID.get() + 1),
            bytes,
        }
    }

    fn pin(&self) -> Option<Canonical> {
        self.needs_settings.then(Canonical::pin)
    }

    pub(super) fn insert(&self, buffer: &mut Buffer, level: i32, row: &Tuple<'_>) {
        let _pinned = self.pin();
        buffer.row(level, self.insert.id, &self.insert.bytes, |out| {
            self.write_row(out, row)
        });
    }

    pub(super) fn delete(&self, buffer: &mut Buffer, level: i32, row: &Tuple<'_>) {
        let _pinned = self.pin();
        buffer.row(level, self.delete.id, &self.delete.bytes, |out| {
            self.write_row(out, row)
        });
    }

    /// An update that changed nothing is not recorded: it has no effect anywhere.
    pub(super) fn update(
        &mut self,
        buffer: &mut Buffer,
        level: i32,
        old: &Tuple<'_>,
        new: &Tuple<'_>,
    ) {
        if !self.find_changed(old, new) {
            return;
        }
        let _pinned = self.pin();
        if !self.updates.contains_key(self.changed.as_slice()) {
            let header = self.header(Op::Update, &self.changed);
            self.updates
                .insert(self.changed.clone().into_boxed_slice(), header);
        }
        let Some(header) = self.updates.get(self.changed.as_slice()) else {
            return;
        };
        buffer.row(level, header.id, &header.bytes, |out| {
            out.push(encode::ROW_START);
            self.write_values(out, new);
            for column in set_bits(&self.changed).filter_map(|index| self.columns.get(index)) {
                out.push(encode::SEPARATOR);
                write_value(out, column, old);
            }
            out.push(encode::ROW_END);
        });
    }

    pub(super) fn truncate(&self, buffer: &mut Buffer, level: i32) {
        buffer.group(level, |out| {
            encode::truncate_group(out, &self.schema, &self.name, false)
        });
    }

    /// Fills `changed`; false when no column differs.
    fn find_changed(&mut self, old: &Tuple<'_>, new: &Tuple<'_>) -> bool {
        self.changed.fill(0);
        let mut any = false;
        for (index, column) in self.columns.iter().enumerate() {
            if !old.same(new, column.index, column.storage) {
                self.changed[index / 64] |= 1 << (index % 64);
                any = true;
            }
        }
        any
    }

    fn write_row(&self, out: &mut Vec<u8>, row: &Tuple<'_>) {
        out.push(encode::ROW_START);
        self.write_values(out, row);
        out.push(encode::ROW_END);
    }

    #[inline]
    fn write_values(&self, out: &mut Vec<u8>, row: &Tuple<'_>) {
        for (index, column) in self.columns.iter().enumerate() {
            if index > 0 {
                out.push(encode::SEPARATOR);
            }
            write_value(out, column, row);
        }
    }
}

#[inline]
fn write_value(out: &mut Vec<u8>, column: &Column, row: &Tuple<'_>) {
    match row.value(column.index) {
        Some(datum) => column.writer.write(out, datum),
        None => encode::null(out),
    }
}

/// The numbers of the bits that are set, lowest first.
fn set_bits(set: &[u64]) -> impl Iterator<Item = usize> + '_ {
    set.iter().enumerate().flat_map(|(word, bits)| {
        (0..64)
            .filter(move |bit| bits & (1 << bit) != 0)
            .map(move |bit| word * 64 + bit)
    })
}
