//! What was written under an older schema, in the words of the one that stands here now.
//!
//! A branch stamps its lines with the tick of the head that last changed its schema; whatever the history has from
//! behind that, the branch did not know. Renamed tables and columns find their new names, dropped columns' values
//! and rows of dropped tables are lost to the tables and kept in the ledger, values of changed types are cast, or
//! kept in the ledger where that can't be. New columns get
//! what they had in the rows that were there, or their default.

use super::cast::cast;
use super::label;
use super::loss::Loss;
use super::regroup::{add, head_of, place, positions, remove};
use crate::office::{self, Role};
use crate::pg::spi::{self, Fixed};
use officesync_wire::Op;
use officesync_wire::decode::{Change, Line, RowGroup};
use std::cell::{Cell, RefCell};

thread_local! {
    static NEWEST: Fixed = const {
        Fixed::new("SELECT h.id FROM officesync.schema_history h ORDER BY h.id DESC LIMIT 1", &[])
    };
    static SETTLE: Fixed = const { Fixed::new("SELECT officesync.settle_history()", &[]) };
    static ALL: Fixed = const {
        Fixed::new(
            "SELECT h.tick, h.schema_name, h.table_name, h.what, h.new_schema, h.new_table,
                    h.\"column\", h.new_column, h.old_type, h.new_type, h.computed, h.filled,
                    h.old_label, h.new_label
             FROM officesync.schema_history h ORDER BY h.id",
            &[],
        )
    };
    /// Whether the line at hand was written otherwise.
    static IS_MAPPED: Cell<bool> = const { Cell::new(false) };
}

/// One thing that became of a table.
struct Entry {
    tick: Option<i64>,
    schema: String,
    table: String,
    what: What,
}

enum What {
    RenameTable(String, String),
    DropTable,
    RenameColumn(String, String),
    DropColumn(String),
    Type {
        column: String,
        old: String,
        new: String,
        computed: bool,
    },
    /// A column, and what it had in the rows that were there, where that was one value for all.
    AddColumn(String, Option<String>),
    /// A label of a column's enum.
    Label {
        column: String,
        old: String,
        new: String,
    },
    /// Nothing that a row written before would have to know.
    Other,
}

/// The history of this office's schema.
pub(crate) struct Mapping {
    entries: Vec<Entry>,
    touched: Cell<bool>,
    losses: RefCell<Vec<Loss>>,
}

impl Mapping {
    /// The number of the newest entry; 0 where there is none.
    pub(crate) fn newest() -> i64 {
        spi::connected(|| NEWEST.with(|newest| newest.statement().rows(&[], 1)))
            .number(0, 0)
            .unwrap_or_default()
    }

    /// None where the schema has never changed.
    pub(crate) fn load() -> Option<Self> {
        spi::connected(|| {
            NEWEST
                .with(|newest| newest.statement().rows(&[], 1))
                .number(0, 0)?;
            SETTLE.with(|settle| settle.statement().run(&[]));
            let rows = ALL.with(|all| all.statement().rows(&[], 0));
            let text =
                |row: usize, column: usize| rows.text(row, column).unwrap_or_default().to_owned();
            let entries = (0..rows.len()).map(|row| Entry {
                tick: rows.number(row, 0),
                schema: text(row, 1),
                table: text(row, 2),
                what: match rows.text(row, 3).unwrap_or_default() {
                    "rename table" => What::RenameTable(text(row, 4), text(row, 5)),
                    "drop table" => What::DropTable,
                    "rename column" => What::RenameColumn(text(row, 6), text(row, 7)),
                    "drop column" => What::DropColumn(text(row, 6)),
                    "add column" => {
                        What::AddColumn(text(row, 6), rows.text(row, 11).map(str::to_owned))
                    }
                    "type of column" => What::Type {
                        column: text(row, 6),
                        old: text(row, 8),
                        new: text(row, 9),
                        computed: rows.is_true(row, 10),
                    },
                    "rename label" => What::Label {
                        column: text(row, 6),
                        old: text(row, 12),
                        new: text(row, 13),
                    },
                    _ => What::Other,
                },
            });
            Some(Self {
                entries: entries.collect(),
                touched: Cell::new(false),
                losses: RefCell::default(),
            })
        })
    }

    /// Lines are read from the beginning.
    pub(crate) fn begin(&self) {
        self.losses.borrow_mut().clear();
    }

    /// Whether a line was not as it would be written now.
    pub(crate) fn is_touched(&self) -> bool {
        self.touched.get()
    }

    /// What was lost since `begin`.
    pub(crate) fn losses(&self) -> Vec<Loss> {
        self.losses.take()
    }

    /// The line as it would be written now; None where that is what it is.
    pub(crate) fn line<'a>(&self, line: &Line<'a>) -> Option<Line<'a>> {
        // What was written before the branch had joined is as its tables were made: like those here.
        let since = line.schema_tick?;
        let unseen = |entry: &&Entry| entry.tick.is_none_or(|tick| tick > since);
        if !self.entries.iter().any(|entry| unseen(&entry)) {
            return None;
        }
        let mut changes = Vec::new();
        let mut touched = false;
        for change in &line.changes {
            let (mapped, differs) = self.change(change, since);
            touched |= differs;
            changes.extend(mapped);
        }
        if !touched {
            return None;
        }
        self.touched.set(true);
        Some(Line {
            changes,
            ..line.clone()
        })
    }

    /// A change in today's words, and whether anything became of its table since.
    fn change<'a>(&self, change: &Change<'a>, since: i64) -> (Vec<Change<'a>>, bool) {
        let entries = self.entries.iter();
        let unseen = entries.filter(|entry| entry.tick.is_none_or(|tick| tick > since));
        match change {
            Change::Rows(group) => {
                let mut groups = vec![group.clone()];
                let mut touched = false;
                for entry in unseen {
                    let mut next = Vec::new();
                    for group in groups {
                        if group.schema == entry.schema && group.table == entry.table {
                            touched = true;
                            next.extend(self.group(entry, group));
                        } else {
                            next.push(group);
                        }
                    }
                    groups = next;
                }
                (groups.into_iter().map(Change::Rows).collect(), touched)
            }
            Change::Truncate {
                schema,
                table,
                restart_identity,
            } => {
                let mut name = Some((schema.to_string(), table.to_string()));
                for entry in unseen {
                    let about = name.as_ref().is_some_and(|(schema, table)| {
                        *schema == entry.schema && *table == entry.table
                    });
                    match &entry.what {
                        What::RenameTable(schema, table) if about => {
                            name = Some((schema.clone(), table.clone()));
                        }
                        What::DropTable if about => name = None,
                        _ => {}
                    }
                }
                let same = name.as_ref().is_some_and(|(new_schema, new_table)| {
                    new_schema == schema && new_table == table
                });
                let mapped = name.map(|(schema, table)| Change::Truncate {
                    schema: schema.into(),
                    table: table.into(),
                    restart_identity: *restart_identity,
                });
                (mapped.into_iter().collect(), !same)
            }
            Change::Ddl(_) | Change::Tracking { .. } => (vec![change.clone()], false),
        }
    }

    fn group<'a>(&self, entry: &Entry, mut group: RowGroup<'a>) -> Vec<RowGroup<'a>> {
        match &entry.what {
            What::RenameTable(schema, table) => {
                group.schema = schema.clone().into();
                group.table = table.clone().into();
            }
            What::RenameColumn(from, to) => {
                if let Some(place) = place(&group, from) {
                    group.columns[place] = to.clone().into();
                }
            }
            What::AddColumn(column, Some(value)) if group.op == Op::Insert => {
                if place(&group, column).is_none() {
                    add(&mut group, column, value);
                }
            }
            What::AddColumn(..) => {}
            What::DropTable => {
                let rows = group.rows().enumerate();
                let lost = rows.filter(|_| group.op != Op::Delete);
                let losses = lost.map(|(row, _)| Loss::of_row(&group, row));
                self.losses.borrow_mut().extend(losses);
                return Vec::new();
            }
            What::DropColumn(column) => {
                if let Some(place) = place(&group, column) {
                    let rows = 0..group.len();
                    let losses = rows.filter_map(|row| Loss::of_column(&group, row, place, false));
                    self.losses.borrow_mut().extend(losses);
                    remove(&mut group, place);
                }
            }
            What::Type {
                column,
                old,
                new,
                computed,
            } => {
                if let Some(place) = place(&group, column) {
                    return self.cast(group, place, old, new, *computed);
                }
            }
            What::Label { column, old, new } => {
                if let Some(place) = place(&group, column) {
                    label::rename(&mut group, place, old, new);
                }
            }
            What::Other => {}
        }
        vec![group]
    }

    /// Rows whose value can be cast, and those without it, in their order.
    fn cast<'a>(
        &self,
        mut group: RowGroup<'a>,
        place: usize,
        old: &str,
        new: &str,
        computed: bool,
    ) -> Vec<RowGroup<'a>> {
        let positions = positions(&group, place);
        let mut parts: Vec<RowGroup<'a>> = Vec::new();
        let mut without = None;
        let rows = group.len();
        for row in 0..rows {
            let start = row * group.width;
            let mut fits = true;
            for position in &positions {
                let value = &mut group.values[start + *position];
                let cast = value
                    .as_deref()
                    .map(|text| if computed { None } else { cast(text, old, new) });
                match cast {
                    None => {}
                    Some(Some(text)) => *value = Some(text.into()),
                    Some(None) => fits = false,
                }
            }
            if !fits {
                let loss = Loss::of_column(&group, row, place, true);
                self.losses.borrow_mut().extend(loss);
            }
            let mut one = RowGroup {
                values: group.values[start..start + group.width].to_vec(),
                ..head_of(&group)
            };
            if !fits {
                remove(&mut one, place);
            }
            match parts.last_mut() {
                Some(last) if without == Some(fits) => last.values.append(&mut one.values),
                _ => parts.push(one),
            }
            without = Some(fits);
        }
        parts
    }
}

/// Says whether the line that comes now was written under an older schema.
pub(crate) fn line_is_mapped(mapped: bool) {
    IS_MAPPED.set(mapped);
}

/// Whether the line at hand was: then its author has to be told how each of its rows stands here.
pub(crate) fn is_line_mapped() -> bool {
    IS_MAPPED.get()
}

/// The history where lines of this office's own log have to be read again. The head's lines bear no stamp.
pub(crate) fn of_own_log() -> Option<Mapping> {
    (office::this().role == Role::Branch).then(Mapping::load)?
}
