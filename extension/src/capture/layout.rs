//! How the rows of one table are written, worked out once a session.
//!
//! Headers are cached ready-made; an update's depends on the set of changed columns too. Everything
//! is dropped when the catalogue changes.

use super::path::Moved;
use super::scope::{Audience, Scope, Side};
use super::sharing::Headers;
use super::too_large;
use crate::buffer::{Buffer, GroupId, Row};
use crate::office::{self, Role};
use crate::pg::catalog::{self, Column, Fresh};
use crate::pg::settings::{Needs, canonical};
use crate::pg::tuple::Tuple;
use officesync_wire::{Op, encode};
use pgrx::pg_sys::Oid;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// Where a row goes.
pub(super) trait Sink {
    /// Takes a row of the group `id`; `write` appends it.
    fn row(&mut self, id: GroupId, header: &[u8], write: impl FnOnce(&mut Vec<u8>));

    /// The bytes it holds.
    fn bytes(&self) -> usize;
}

/// The buffer, in a subtransaction.
pub(super) struct Direct<'a> {
    pub(super) buffer: &'a mut Buffer,
    pub(super) level: i32,
}

impl Sink for Direct<'_> {
    #[inline]
    fn row(&mut self, id: GroupId, header: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
        self.buffer.row(self.level, id, header, write);
    }

    #[inline]
    fn bytes(&self) -> usize {
        self.buffer.pending_bytes()
    }
}

impl Sink for Vec<Row> {
    fn row(&mut self, id: GroupId, header: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = Vec::new();
        write(&mut bytes);
        let header = header.to_vec();
        self.push(Row { id, header, bytes });
    }

    fn bytes(&self) -> usize {
        self.last().map_or(0, |row| row.bytes.len())
    }
}

/// One table's columns and ready-made headers.
pub(super) struct Layout {
    /// The tracked table; for a partition the one it belongs to.
    pub(super) table: Oid,
    schema: String,
    name: String,
    pub(super) columns: Vec<Column>,
    pub(super) needs: Needs,
    pub(super) insert: Header,
    pub(super) delete: Header,
    /// Of a deleted row these are told, as places in `columns`: all, but at the head the key.
    gone: Vec<usize>,
    gone_needs: Needs,
    /// By the changed columns, as a bit set over `columns`.
    updates: BTreeMap<Box<[u64]>, Header>,
    /// Reused between updates.
    pub(super) changed: Vec<u64>,
    /// How the rows are shared out; None where they are for all.
    pub(super) scope: Option<Scope>,
    /// The headers of what is for one office.
    pub(super) of_offices: BTreeMap<String, Headers>,
    /// At the head: the columns by which rows of other tables refer to a row of this one, and go where it goes; each a
    /// list of places.
    pub(super) referred: Vec<Vec<usize>>,
    /// The row that has changed hands by the change written last.
    pub(super) moved: Option<Moved>,
}

pub(super) struct Header {
    pub(super) id: GroupId,
    pub(super) bytes: Vec<u8>,
}

thread_local! {
    static LAYOUTS: RefCell<Fresh<BTreeMap<u32, Layout>>> = RefCell::default();
    static NEXT_ID: Cell<GroupId> = const { Cell::new(0) };
}

/// Runs `work` with the layout of `relation`, whose trigger calls `function`.
#[inline]
pub(super) fn with(relation: Oid, function: Oid, work: impl FnOnce(&mut Layout)) {
    LAYOUTS.with_borrow_mut(|layouts| {
        work(
            layouts
                .get()
                .entry(relation.to_u32())
                .or_insert_with(|| Layout::of(catalog::describe(relation, function))),
        );
    });
}

impl Layout {
    pub(super) fn of(table: catalog::Table) -> Self {
        let gone = told_of_deleted(&table.columns);
        let mut layout = Self {
            referred: Vec::new(),
            moved: None,
            scope: Scope::of(&table),
            of_offices: BTreeMap::new(),
            needs: needs(table.columns.iter()),
            gone_needs: needs(gone.iter().map(|place| &table.columns[*place])),
            gone,
            changed: vec![0; table.columns.len().div_ceil(64)],
            insert: Header {
                id: 0,
                bytes: Vec::new(),
            },
            delete: Header {
                id: 0,
                bytes: Vec::new(),
            },
            updates: BTreeMap::new(),
            table: table.root,
            schema: table.schema,
            name: table.name,
            columns: table.columns,
        };
        layout.insert = layout.header(Op::Insert, &[]);
        layout.delete = layout.header(Op::Delete, &[]);
        if layout
            .scope
            .as_ref()
            .is_some_and(|scope| !scope.is_of_branch())
        {
            layout.referred = layout.places_referred_to();
        }
        layout
    }

    pub(super) fn header(&self, op: Op, changed: &[u64]) -> Header {
        let all: Vec<&str> = self
            .columns
            .iter()
            .enumerate()
            .filter(|(place, _)| op != Op::Delete || self.gone.contains(place))
            .map(|(_, column)| column.name.as_str())
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

    pub(super) fn whole_row(&self, header: &Header, sink: &mut impl Sink, row: &Tuple<'_>) {
        canonical(self.needs, || {
            sink.row(header.id, &header.bytes, |out| {
                out.push(encode::ROW_START);
                self.write_values(out, row);
                out.push(encode::ROW_END);
            });
        });
        self.check_size(sink.bytes(), row, 0..self.columns.len());
    }

    /// A row that is gone.
    pub(super) fn deleted_row(&self, header: &Header, sink: &mut impl Sink, row: &Tuple<'_>) {
        canonical(self.gone_needs, || {
            sink.row(header.id, &header.bytes, |out| {
                self.append_array(out, &self.gone, row);
            });
        });
        self.check_size(sink.bytes(), row, self.gone.iter().copied());
    }

    /// How many of a row's attributes, from the first one on, a deletion looks at.
    #[inline]
    pub(super) fn looks_at_of_deleted(&self) -> usize {
        match (&self.scope, self.gone.last()) {
            (None, Some(last)) => self.columns[*last].index + 1,
            _ => usize::MAX,
        }
    }

    /// An update that changed nothing is not recorded: it has no effect anywhere.
    pub(super) fn update(&mut self, sink: &mut impl Sink, old: &Tuple<'_>, new: &Tuple<'_>) {
        if !self.find_changed(old, new) {
            return;
        }
        if self.scope.is_some() {
            return self.update_in_scope(sink, old, new);
        }
        self.update_for_all(sink, old, new);
    }

    pub(super) fn update_for_all(
        &mut self,
        sink: &mut impl Sink,
        old: &Tuple<'_>,
        new: &Tuple<'_>,
    ) {
        if !self.updates.contains_key(self.changed.as_slice()) {
            let header = self.header(Op::Update, &self.changed);
            self.updates
                .insert(self.changed.clone().into_boxed_slice(), header);
        }
        let Some(header) = self.updates.get(self.changed.as_slice()) else {
            return;
        };
        self.updated_row(header, sink, old, new);
    }

    pub(super) fn updated_row(
        &self,
        header: &Header,
        sink: &mut impl Sink,
        old: &Tuple<'_>,
        new: &Tuple<'_>,
    ) {
        canonical(self.needs, || {
            sink.row(header.id, &header.bytes, |out| {
                out.push(encode::ROW_START);
                self.write_values(out, new);
                for column in set_bits(&self.changed).filter_map(|index| self.columns.get(index)) {
                    out.push(encode::SEPARATOR);
                    write_value(out, column, old);
                }
                out.push(encode::ROW_END);
            });
        });
        self.check_size(sink.bytes(), new, set_bits(&self.changed));
    }

    /// A row some of whose columns were added and filled: an update of these, which were NULL.
    pub(super) fn filled(&mut self, sink: &mut impl Sink, row: &Tuple<'_>, added: &[String]) {
        self.changed.fill(0);
        for (index, column) in self.columns.iter().enumerate() {
            if added.contains(&column.name) {
                self.changed[index / 64] |= 1 << (index % 64);
            }
        }
        match self.address(row, Side::New) {
            Audience::All => {}
            Audience::Office(office) => {
                let header = self.header_of(&office, Op::Update);
                return self.filled_row(&header, sink, row);
            }
            Audience::Nobody => return,
        }
        if !self.updates.contains_key(self.changed.as_slice()) {
            let header = self.header(Op::Update, &self.changed);
            self.updates
                .insert(self.changed.clone().into_boxed_slice(), header);
        }
        let Some(header) = self.updates.get(self.changed.as_slice()) else {
            return;
        };
        self.filled_row(header, sink, row);
    }

    fn filled_row(&self, header: &Header, sink: &mut impl Sink, row: &Tuple<'_>) {
        canonical(self.needs, || {
            sink.row(header.id, &header.bytes, |out| {
                out.push(encode::ROW_START);
                self.write_values(out, row);
                for _ in set_bits(&self.changed) {
                    out.push(encode::SEPARATOR);
                    encode::null(out);
                }
                out.push(encode::ROW_END);
            });
        });
        self.check_size(sink.bytes(), row, set_bits(&self.changed));
    }

    /// Refuses what was just written if it could not be read, or its new values not be written, where
    /// it arrives.
    #[inline]
    fn check_size(&self, bytes: usize, row: &Tuple<'_>, written: impl Iterator<Item = usize>) {
        /// Less text than this never comes from a row that is too large.
        const HARMLESS_BYTES: usize = 16 << 20;
        if bytes < HARMLESS_BYTES {
            return;
        }
        let values = written
            .filter_map(|index| self.columns.get(index))
            .filter(|column| column.storage.length == -1)
            .map(|column| column.index);
        too_large::check(row.unfolded_bytes(values), bytes);
    }

    /// Appends the values of these columns as a JSON array.
    pub(super) fn write_array(&self, out: &mut Vec<u8>, columns: &[usize], row: &Tuple<'_>) {
        canonical(self.needs, || self.append_array(out, columns, row));
    }

    /// The same where the settings are the canonical ones already.
    fn append_array(&self, out: &mut Vec<u8>, columns: &[usize], row: &Tuple<'_>) {
        out.push(encode::ROW_START);
        let columns = columns.iter().filter_map(|place| self.columns.get(*place));
        for (nth, column) in columns.enumerate() {
            if nth > 0 {
                out.push(encode::SEPARATOR);
            }
            write_value(out, column, row);
        }
        out.push(encode::ROW_END);
    }

    /// Schema and name, quoted, as errors show it.
    pub(super) fn qualified_name(&self) -> String {
        format!("\"{}.{}\"", self.schema, self.name)
    }

    /// `id = 7`, as errors show it.
    pub(super) fn key_text(&self, row: &Tuple<'_>) -> String {
        let text = |column: &Column| {
            let mut value = Vec::new();
            write_value(&mut value, column, row);
            value.truncate(80);
            format!("{} = {}", column.name, String::from_utf8_lossy(&value))
        };
        let keys = self.columns.iter().filter(|column| column.in_key);
        let texts: Vec<String> = canonical(self.needs, || keys.map(text).collect());
        texts.join(", ")
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

/// Which columns are told of a deleted row, as places. The head decides: whoever it tells needs to find the row, and
/// no more. A branch asks, and tells the row as it was there.
fn told_of_deleted(columns: &[Column]) -> Vec<usize> {
    let decides = office::is_known() && office::this().role == Role::Head;
    let places = columns.iter().enumerate();
    places
        .filter(|(_, column)| !decides || column.identifies)
        .map(|(place, _)| place)
        .collect()
}

fn needs<'a>(columns: impl Iterator<Item = &'a Column>) -> Needs {
    let all = columns.map(|column| column.writer.depends_on());
    all.max().unwrap_or(Needs::Nothing)
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
