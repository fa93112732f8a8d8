//! Whatever is written is read back the same, is valid JSON to a reader that knows nothing of the
//! format, and does not depend on the order of fields or on white space.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod writer;

use officesync_wire::Op;
use officesync_wire::compress::Compressor;
use officesync_wire::decode::{self, Change, Limits, LineReader};
use officesync_wire::encode::{ByColumn, LineHead};
use officesync_wire::message::Encoding;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use proptest::sample::{SizeRange, subsequence};
use std::io::{self, BufRead, Read};
use writer::{Cell, Written, expected, write};

/// A body that comes in pieces, as the parts of a tick whose row is larger than a part do.
struct Pieces<'a> {
    rest: &'a [u8],
    size: usize,
    /// What is left of the piece at hand.
    left: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(to)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Pieces<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            self.left = self.size.min(self.rest.len());
        }
        Ok(&self.rest[..self.left])
    }

    fn consume(&mut self, used: usize) {
        self.rest = &self.rest[used..];
        self.left -= used;
    }
}

/// Any text PostgreSQL can hold, control characters more often than chance would have it.
fn any_text() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        4 => any::<char>(),
        2 => prop::char::range('\u{1}', '\u{7f}'),
        1 => prop::sample::select(vec!['"', '\\', '\n', '\u{1}', '\u{1f}', '/', 'u', '\u{2028}', '\u{10ffff}']),
    ];
    vec(
        character.prop_filter("no NUL", |found| *found != '\0'),
        0..40,
    )
    .prop_map(|characters| characters.into_iter().collect())
}

fn any_name() -> impl Strategy<Value = String> {
    any_text().prop_filter("a name", |name| (1..=63).contains(&name.len()))
}

fn any_cell() -> impl Strategy<Value = Cell> {
    prop_oneof![
        Just(Cell::Null),
        any_text().prop_map(Cell::Text),
        any::<i64>().prop_map(Cell::Integer),
        any::<f64>().prop_map(|number| Cell::Number(format!("{number:?}"))),
        "-?[0-9]{0,30}(\\.[0-9]{0,20})?(e[+-]?[0-9]{0,3})?".prop_map(Cell::Number),
        any::<bool>().prop_map(Cell::Bool),
    ]
}

fn some_of(count: usize, sizes: impl Into<SizeRange>) -> impl Strategy<Value = Vec<usize>> {
    subsequence((0..count).collect::<Vec<_>>(), sizes).prop_shuffle()
}

fn any_rows() -> impl Strategy<Value = Written> {
    so_many_rows(0..4)
}

fn so_many_rows(number: impl Into<SizeRange> + Clone) -> impl Strategy<Value = Written> {
    let op = prop::sample::select(vec![Op::Insert, Op::Update, Op::Delete]);
    (op, btree_set(any_name(), 1..25))
        .prop_flat_map(|(op, columns)| {
            let count = columns.len();
            let changed = if op == Op::Update { 0..=count } else { 0..=0 };
            (
                Just(op),
                Just(columns),
                some_of(count, 1..=count),
                some_of(count, changed),
            )
        })
        .prop_flat_map(move |(op, columns, key, changed)| {
            let width = columns.len() + changed.len();
            let rows = vec(vec(any_cell(), width), number.clone());
            (any_name(), any_name(), rows).prop_map(move |(schema, table, rows)| Written::Rows {
                schema,
                table,
                op,
                columns: columns.iter().cloned().collect(),
                key: key.clone(),
                changed: changed.clone(),
                rows,
            })
        })
}

fn any_ddl() -> impl Strategy<Value = Written> {
    let table = prop::option::of((any_name(), any_name()));
    // In the order in which a reader that knows nothing of the format gives an object's fields.
    let settings = btree_map(any_text(), any_text(), 0..3);
    (table, any_text(), vec(any_name(), 0..4), settings).prop_map(
        |(table, statement, search_path, settings)| Written::Ddl {
            table,
            statement,
            search_path,
            settings: settings.into_iter().collect(),
        },
    )
}

fn any_change() -> impl Strategy<Value = Written> {
    let truncate = (any_name(), any_name(), any::<bool>());
    prop_oneof![
        4 => any_rows(),
        1 => truncate.prop_map(|(schema, table, restart_identity)| {
            Written::Truncate { schema, table, restart_identity }
        }),
        1 => any_ddl(),
        1 => (any_name(), any_name(), prop::sample::select(vec![None, Some("both"), Some("up")]), prop::option::of(any_name()))
            .prop_map(|(schema, table, direction, column)| {
                let branch_column = column.filter(|_| direction.is_some());
                Written::Tracking { schema, table, direction: direction.map(str::to_owned), branch_column }
            }),
    ]
}

fn any_head() -> impl Strategy<Value = LineHead<'static>> {
    let tick = prop::option::of(1..i64::MAX);
    (1..i64::MAX, 0..i32::MAX, any::<bool>(), tick, any::<bool>()).prop_map(
        |(sequence, chunk, last, origin_tick, merged)| LineHead {
            office: "branch-1_x",
            incarnation: "9f3c-A_1",
            sequence: last.then_some(sequence),
            chunk,
            last,
            commit_time: last.then_some("2026-11-20 12:00:00.123456+00"),
            origin_tick,
            merged,
            schema_tick: origin_tick,
        },
    )
}

fn is_text(change: &Written) -> bool {
    match change {
        Written::Truncate { .. } | Written::Ddl { .. } | Written::Tracking { .. } => true,
        Written::Rows { rows, .. } => rows
            .iter()
            .flatten()
            .all(|cell| matches!(cell, Cell::Null | Cell::Text(_) | Cell::Bool(_))),
    }
}

proptest! {
    #[test]
    fn read_back_the_same(head in any_head(), changes in vec(any_change(), 0..4)) {
        let bytes = write(&head, &changes);
        prop_assert_eq!(bytes.iter().filter(|&&byte| byte == b'\n').count(), 1);
        let read = decode::line(&bytes, &Limits::default()).unwrap();
        prop_assert_eq!(&read, &expected(&head, &changes));
        prop_assert!(serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_ok());
    }

    #[test]
    fn order_and_white_space_do_not_matter(head in any_head(), changes in vec(any_change(), 0..4)) {
        // A JSON library that does not know the format may change the text of a number.
        prop_assume!(changes.iter().all(is_text));
        let bytes = write(&head, &changes);
        let mut value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        value["x_trace"] = serde_json::json!({"depth": [1, [2.5, {"a": null}]], "b": true});
        let wanted = expected(&head, &changes);
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            let read = decode::line(text.as_bytes(), &Limits::default()).unwrap();
            prop_assert_eq!(&read, &wanted);
        }
    }

    #[test]
    fn rows_and_old_values(change in any_rows()) {
        let head = LineHead {
            office: "a", incarnation: "b", sequence: None, chunk: 0, last: false,
            commit_time: None, origin_tick: None, merged: false, schema_tick: None,
        };
        let changes = [change];
        let bytes = write(&head, &changes);
        let line = decode::line(&bytes, &Limits::default()).unwrap();
        let Change::Rows(group) = &line.changes[0] else { panic!("rows were written") };
        prop_assert_eq!(group.rows().len(), group.len());
        prop_assert_eq!(group.row(group.len()), None);
        for (index, row) in group.rows().enumerate() {
            prop_assert_eq!(group.row(index), Some(row));
            let new = group.new_values(row);
            prop_assert_eq!(new.len(), if group.op == Op::Delete { 0 } else { group.columns.len() });
            for column in 0..group.columns.len() {
                let old = group.old_value(row, column);
                let wanted = match group.op {
                    Op::Insert => None,
                    Op::Delete => Some(&row[column]),
                    Op::Update => Some(match group.changed.iter().position(|at| *at == column) {
                        Some(position) => &row[group.columns.len() + position],
                        None => &new[column],
                    }),
                };
                prop_assert_eq!(old, wanted);
            }
            prop_assert_eq!(group.old_value(row, group.columns.len()), None);
        }
    }

    #[test]
    fn turned_rows_are_read_the_same(
        head in any_head(),
        before in vec(any_change(), 0..2),
        many in vec(so_many_rows(12..30), 0..3),
        after in vec(any_change(), 0..2),
    ) {
        let changes = [before, many, after].concat();
        let turned_groups = changes.iter().filter(|change| matches!(change, Written::Rows { rows, .. } if rows.len() >= 16));
        let bytes = write(&head, &changes).repeat(2);
        let mut by_column = ByColumn::default();
        let turned = by_column.turn(&bytes);
        let found = memchr::memmem::find_iter(turned, b",\"by_column\":[").count();
        prop_assert_eq!(found, 2 * turned_groups.count());
        let mut lines = 0;
        for line in decode::lines(turned) {
            prop_assert_eq!(&decode::line(line, &Limits::default()).unwrap(), &expected(&head, &changes));
            lines += 1;
        }
        prop_assert_eq!(lines, 2);
    }

    #[test]
    fn bodies_come_back_line_by_line(
        chunks in vec((any_head(), vec(any_change(), 0..2)), 1..6),
        size in 1..300_usize,
    ) {
        let lines: Vec<Vec<u8>> = chunks.iter().map(|(head, changes)| write(head, changes)).collect();
        let plain = lines.concat();
        let mut compressor = Compressor::new(1).unwrap();
        let joined: Vec<u8> = lines.iter().flat_map(|line| compressor.compress(line).unwrap()).collect();
        let split: Vec<u8> = plain.chunks(100).flat_map(|piece| compressor.compress(piece).unwrap()).collect();
        prop_assert!(decode::lines(&plain).eq(lines.iter().map(|line| &line[..line.len() - 1])));
        for (encoding, body) in
            [(Encoding::Identity, &plain), (Encoding::Zstd, &joined), (Encoding::Zstd, &split)]
        {
            let pieces = Pieces { rest: body, size, left: 0 };
            let mut reader = LineReader::new(encoding, pieces, Limits::default()).unwrap();
            let mut buffer = Vec::new();
            for (index, line) in lines.iter().enumerate() {
                prop_assert!(reader.next_line(&mut buffer).unwrap());
                prop_assert_eq!(&buffer[..], &line[..line.len() - 1]);
                prop_assert_eq!(reader.line_number(), index as u64 + 1);
            }
            prop_assert!(!reader.next_line(&mut buffer).unwrap());
            prop_assert!(!reader.next_line(&mut buffer).unwrap());
        }
    }
}
