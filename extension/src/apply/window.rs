//! Changes gathered until they are worth a few statements.
//!
//! Changes of one table keep their order; those of different tables are independent of each other,
//! because an apply sees no foreign keys and no user triggers. Consecutive changes of one kind with
//! different keys become one batch. A truncate is a barrier: it ends the window.
//!
//! Pure: owns its texts, knows no database.

use officesync_wire::Op;
use officesync_wire::decode::RowGroup;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A window is written when it holds this many rows,
const FULL_ROWS: usize = 8_192;
/// or this much text.
const FULL_BYTES: usize = 4 << 20;
/// Only a huge row makes it hold more than this.
const HUGE_BYTES: usize = 16 << 20;

/// The changes of several groups, table by table.
#[derive(Default)]
pub(super) struct Window {
    pub(super) tables: Vec<TableChanges>,
    rows: usize,
    bytes: usize,
}

/// One table's batches, in the order they must be applied.
pub(super) struct TableChanges {
    pub(super) schema: String,
    pub(super) table: String,
    pub(super) batches: Vec<Batch>,
}

/// What the rows of a batch have in common; one prepared statement serves all with the same shape.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Shape {
    pub(super) op: Op,
    pub(super) columns: Vec<String>,
    /// Indexes into `columns`.
    pub(super) key: Vec<usize>,
    /// Indexes into `columns`; for an update only.
    pub(super) changed: Vec<usize>,
}

/// Rows of one shape that can be written by one statement.
pub(super) struct Batch {
    pub(super) shape: Shape,
    text: String,
    /// Row-major: where in `text` a value lies, `None` for NULL.
    cells: Vec<Option<(usize, usize)>>,
    width: usize,
    keys: HashSet<u64>,
}

impl Window {
    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows >= FULL_ROWS || self.bytes >= FULL_BYTES
    }

    pub(super) fn is_huge(&self) -> bool {
        self.bytes >= HUGE_BYTES
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Takes over the rows of `group`; false when there is no memory for them.
    pub(super) fn add(&mut self, shape: &Shape, group: &RowGroup<'_>) -> bool {
        let table = self.table(&group.schema, &group.table);
        let mut bytes = 0;
        for row in group.rows() {
            let batch = table.batch_for(shape, row, group.width);
            let Some(pushed) = batch.push(row) else {
                return false;
            };
            bytes += pushed;
        }
        self.rows += group.len();
        self.bytes += bytes;
        true
    }

    /// Whether changes of that table wait here.
    pub(super) fn holds(&self, schema: &str, table: &str) -> bool {
        let mut tables = self.tables.iter();
        tables.any(|known| known.table == table && known.schema == schema)
    }

    fn table(&mut self, schema: &str, table: &str) -> &mut TableChanges {
        let known = self
            .tables
            .iter()
            .position(|known| known.table == table && known.schema == schema);
        let index = known.unwrap_or_else(|| {
            let (schema, table) = (schema.to_owned(), table.to_owned());
            self.tables.push(TableChanges {
                schema,
                table,
                batches: Vec::new(),
            });
            self.tables.len() - 1
        });
        &mut self.tables[index]
    }
}

type Value<'a> = officesync_wire::decode::Value<'a>;

impl TableChanges {
    /// The last batch if it has this shape and not this row's key yet, else a new one.
    fn batch_for(&mut self, shape: &Shape, row: &[Value<'_>], width: usize) -> &mut Batch {
        let key = old_key_hash(shape, row);
        let fits = self.batches.last_mut().is_some_and(|last| {
            last.shape == *shape && (!shape.looks_up_keys() || last.keys.insert(key))
        });
        if !fits {
            let keys = HashSet::from([key]);
            let shape = shape.clone();
            self.batches.push(Batch {
                shape,
                text: String::new(),
                cells: Vec::new(),
                width,
                keys,
            });
        }
        let last = self.batches.len() - 1;
        &mut self.batches[last]
    }
}

/// A hash of the texts that identify the row before the change. Two texts may still mean equal
/// keys (1.0 and 1.00): then the statement writes fewer rows than it was given, which is noticed.
fn old_key_hash(shape: &Shape, row: &[Value<'_>]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for column in &shape.key {
        row.get(shape.old_position(*column)).hash(&mut hasher);
    }
    hasher.finish()
}

impl Shape {
    /// What the rows of `group` have in common.
    pub(crate) fn of(group: &RowGroup<'_>) -> Self {
        Self {
            op: group.op,
            columns: group.columns.iter().map(|name| name.to_string()).collect(),
            key: group.key.clone(),
            changed: group.changed.clone(),
        }
    }

    /// Whether a key may not come twice in one statement. Where the whole row is the key, rows that
    /// are alike each have their turn.
    fn looks_up_keys(&self) -> bool {
        self.op != Op::Insert && self.key.len() < self.columns.len()
    }

    /// The column whose new or old value stands at `position` of a row.
    pub(super) fn column_at(&self, position: usize) -> &str {
        match position.checked_sub(self.columns.len()) {
            Some(nth) => &self.columns[self.changed[nth]],
            None => &self.columns[position],
        }
    }

    /// Where in a row the value stands that `column` had before the change.
    pub(crate) fn old_position(&self, column: usize) -> usize {
        match self.changed.iter().position(|changed| *changed == column) {
            Some(nth) => self.columns.len() + nth,
            None => column,
        }
    }
}

impl Batch {
    pub(super) fn len(&self) -> usize {
        self.cells.len() / self.width.max(1)
    }

    /// The values at `position` of the rows `from..to`.
    pub(super) fn values(
        &self,
        position: usize,
        from: usize,
        to: usize,
    ) -> impl ExactSizeIterator<Item = Option<&str>> + Clone {
        (from..to).map(move |row| {
            let (start, end) = (*self.cells.get(row * self.width + position)?)?;
            self.text.get(start..end)
        })
    }

    /// How many bytes that took. A row may be a gigabyte: to find no memory for it must not be the end
    /// of the process.
    fn push(&mut self, row: &[Value<'_>]) -> Option<usize> {
        let before = self.text.len();
        let room: usize = row.iter().flatten().map(|text| text.len()).sum();
        self.text.try_reserve(room).ok()?;
        for value in row {
            let cell = value.as_ref().map(|text| {
                let start = self.text.len();
                self.text.push_str(text);
                (start, self.text.len())
            });
            self.cells.push(cell);
        }
        Some(self.text.len() - before + row.len() * size_of::<Option<(usize, usize)>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    fn group<'a>(op: Op, changed: Vec<usize>, rows: &[&[&'a str]]) -> RowGroup<'a> {
        RowGroup {
            schema: Cow::Borrowed("public"),
            table: Cow::Borrowed("t"),
            op,
            columns: vec![Cow::Borrowed("id"), Cow::Borrowed("x")],
            key: vec![0],
            width: 2 + changed.len(),
            changed,
            values: rows
                .iter()
                .flat_map(|row| row.iter().map(|text| Some(Cow::Borrowed(*text))))
                .collect(),
        }
    }

    fn add(window: &mut Window, group: &RowGroup<'_>) {
        window.add(&Shape::of(group), group);
    }

    fn sizes(window: &Window) -> Vec<usize> {
        window
            .tables
            .iter()
            .flat_map(|table| table.batches.iter().map(Batch::len))
            .collect()
    }

    #[test]
    fn rows_of_one_shape_share_a_batch() {
        let mut window = Window::default();
        add(&mut window, &group(Op::Insert, vec![], &[&["1", "a"]]));
        add(
            &mut window,
            &group(Op::Insert, vec![], &[&["2", "b"], &["3", "c"]]),
        );
        assert_eq!(sizes(&window), [3]);
        let batch = &window.tables[0].batches[0];
        assert_eq!(
            batch.values(1, 0, 3).collect::<Vec<_>>(),
            [Some("a"), Some("b"), Some("c")]
        );
    }

    #[test]
    fn a_key_written_twice_needs_two_batches() {
        let mut window = Window::default();
        add(
            &mut window,
            &group(
                Op::Update,
                vec![1],
                &[&["1", "b", "a"], &["2", "x", "w"], &["1", "c", "b"]],
            ),
        );
        assert_eq!(sizes(&window), [2, 1]);
    }

    #[test]
    fn a_changed_key_is_found_by_its_old_value() {
        let mut window = Window::default();
        // 1 -> 2, then 2 -> 3: the second must not run together with the first.
        add(
            &mut window,
            &group(Op::Update, vec![0], &[&["2", "x", "1"], &["3", "x", "2"]]),
        );
        assert_eq!(
            sizes(&window),
            [2],
            "different old keys: found out by the row count instead"
        );
        assert_eq!(window.tables[0].batches[0].shape.old_position(0), 2);
        assert_eq!(window.tables[0].batches[0].shape.old_position(1), 1);
    }

    #[test]
    fn rows_that_are_alike_share_a_batch_when_the_whole_row_is_the_key() {
        let mut window = Window::default();
        let mut change = group(Op::Delete, vec![], &[&["1", "a"], &["1", "a"]]);
        change.key = vec![0, 1];
        add(&mut window, &change);
        assert_eq!(sizes(&window), [2]);
    }

    #[test]
    fn order_within_a_table_is_kept() {
        let mut window = Window::default();
        add(&mut window, &group(Op::Insert, vec![], &[&["1", "a"]]));
        add(&mut window, &group(Op::Delete, vec![], &[&["1", "a"]]));
        add(&mut window, &group(Op::Insert, vec![], &[&["1", "b"]]));
        assert_eq!(sizes(&window), [1, 1, 1]);
    }
}
