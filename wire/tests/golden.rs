//! The golden files: frozen bytes of version 1, written by hand. The writer must produce exactly these,
//! and the reader must understand them for ever. A test that fails here means the format has changed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod writer;

use officesync_wire::Op::{self, Delete, Insert, Update};
use officesync_wire::decode::{self, Limits};
use officesync_wire::encode::{ByColumn, LineHead};
use officesync_wire::message::Control;
use writer::{Cell, Written, expected, write};

const ORDERS: [&str; 2] = ["public", "orders"];

const BRANCH: LineHead<'_> = LineHead {
    office: "branch1",
    incarnation: "9f3c0b6e4a9b",
    sequence: None,
    chunk: 0,
    last: true,
    commit_time: None,
    origin_tick: None,
    merged: false,
    schema_tick: None,
};

fn committed(head: LineHead<'static>, sequence: i64, time: &'static str) -> LineHead<'static> {
    LineHead {
        sequence: Some(sequence),
        commit_time: Some(time),
        last: true,
        ..head
    }
}

fn head_office() -> LineHead<'static> {
    LineHead {
        office: "head",
        incarnation: "77aa",
        ..BRANCH
    }
}

/// Text that is neither null nor a number.
fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

/// A group with its lists as slices, so that tests read well.
fn rows(
    table: [&str; 2],
    op: Op,
    columns: &[&str],
    key: &[usize],
    changed: &[usize],
    rows: Vec<Vec<Cell>>,
) -> Written {
    Written::Rows {
        schema: table[0].to_owned(),
        table: table[1].to_owned(),
        op,
        columns: columns.iter().map(|name| (*name).to_owned()).collect(),
        key: key.to_vec(),
        changed: changed.to_vec(),
        rows,
    }
}

/// The file is what these lines are written as, and is read as these lines.
fn agrees(file: &str, lines: &[(LineHead<'static>, Vec<Written>)]) {
    let written: Vec<u8> = lines
        .iter()
        .flat_map(|(head, changes)| write(head, changes))
        .collect();
    assert_eq!(String::from_utf8(written).unwrap(), file);
    let read: Vec<_> = decode::lines(file.as_bytes())
        .map(|line| decode::line(line, &Limits::default()).unwrap())
        .collect();
    let wanted: Vec<_> = lines
        .iter()
        .map(|(head, changes)| expected(head, changes))
        .collect();
    assert_eq!(read, wanted);
}

#[test]
fn insert() {
    let number = |text: &str| Cell::Number(text.to_owned());
    let group = rows(
        ORDERS,
        Insert,
        &["id", "customer", "amount", "paid", "note"],
        &[0],
        &[],
        vec![
            vec![
                Cell::Integer(1),
                text("ACME"),
                number("1234.50"),
                Cell::Bool(true),
                Cell::Null,
            ],
            vec![
                Cell::Integer(i64::MIN),
                text("Ödön"),
                number("1e+20"),
                Cell::Bool(false),
                text(""),
            ],
            vec![
                Cell::Integer(3),
                text("null"),
                number("NaN"),
                Cell::Null,
                text("a\tb"),
            ],
        ],
    );
    let head = committed(BRANCH, 123, "2026-11-20 12:00:00.123456+00");
    agrees(include_str!("golden/insert.ndjson"), &[(head, vec![group])]);
}

#[test]
fn update_with_key_change() {
    let columns = ["id", "note"];
    let groups = vec![
        rows(
            ORDERS,
            Update,
            &columns,
            &[0],
            &[0],
            vec![vec![text("8"), text("kept"), text("7")]],
        ),
        rows(
            ORDERS,
            Update,
            &columns,
            &[0],
            &[1],
            vec![
                vec![text("1"), text("after"), Cell::Null],
                vec![text("2"), Cell::Null, text("before")],
            ],
        ),
        rows(
            ["Sales", "Order Lines"],
            Update,
            &["order", "line"],
            &[0, 1],
            &[1, 0],
            vec![vec![text("1"), text("20"), text("10"), text("2")]],
        ),
    ];
    let head = committed(head_office(), i64::MAX, "2026-11-20 12:00:00+00");
    agrees(
        include_str!("golden/update_key_change.ndjson"),
        &[(head, groups)],
    );
}

#[test]
fn delete() {
    let groups = vec![
        rows(
            ORDERS,
            Delete,
            &["id", "note"],
            &[0],
            &[],
            vec![vec![text("1"), text("a")], vec![text("2"), Cell::Null]],
        ),
        rows(
            ["public", "events"],
            Delete,
            &["at", "what"],
            &[0, 1],
            &[],
            vec![vec![text("2026-11-20 12:00:00+00"), Cell::Null]],
        ),
    ];
    let head = committed(BRANCH, 124, "2026-11-20 12:00:01.5+00");
    agrees(include_str!("golden/delete.ndjson"), &[(head, groups)]);
}

#[test]
fn by_column() {
    let file = include_str!("golden/by_column.ndjson");
    let note = |number| match number {
        3 => text("n]3\",["),
        4 => Cell::Null,
        _ => text(&format!("note {number}")),
    };
    let many = (1..=16).map(|number| vec![text(&number.to_string()), note(number)]);
    let columns = ["id", "note"];
    let first = vec![vec![text("1"), text("note 1")]];
    let groups = [
        rows(ORDERS, Insert, &columns, &[0], &[], many.collect()),
        rows(ORDERS, Delete, &columns, &[0], &[], first),
    ];
    let head = committed(BRANCH, 126, "2026-11-20 12:00:03+00");
    let written = write(&head, &groups);
    let mut by_column = ByColumn::default();
    let turned = by_column.turn(&written);
    assert_eq!(String::from_utf8_lossy(turned), file);
    let read = decode::line(file.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(read, expected(&head, &groups));
}

#[test]
fn truncate() {
    let truncate = |table: &str, restart_identity| Written::Truncate {
        schema: "public".to_owned(),
        table: table.to_owned(),
        restart_identity,
    };
    let groups = vec![
        truncate("orders", false),
        truncate("order_lines", false),
        truncate("counters", true),
    ];
    let head = committed(head_office(), 5, "2026-11-20 12:00:00+00");
    agrees(include_str!("golden/truncate.ndjson"), &[(head, groups)]);
}

#[test]
fn schema_changes() {
    let table = |name: &str| ("public".to_owned(), name.to_owned());
    let ddl = |table, statement: &str, settings: &[(&str, &str)]| Written::Ddl {
        table,
        statement: statement.to_owned(),
        search_path: vec!["shop".to_owned(), "public".to_owned()],
        settings: settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    };
    let groups = vec![
        ddl(None, "CREATE TYPE mood AS ENUM ('good', 'b\"ad')", &[]),
        ddl(
            Some(table("orders")),
            "ALTER TABLE orders ADD COLUMN mood mood DEFAULT 'good'",
            &[("DateStyle", "SQL, DMY"), ("TimeZone", "Europe/Paris")],
        ),
        rows(
            ORDERS,
            Insert,
            &["id", "mood"],
            &[0],
            &[],
            vec![vec![Cell::Integer(1), text("good")]],
        ),
        Written::Tracking {
            schema: "public".to_owned(),
            table: "lines".to_owned(),
            direction: Some("down".to_owned()),
            branch_column: None,
        },
        Written::Tracking {
            schema: "public".to_owned(),
            table: "old".to_owned(),
            direction: None,
            branch_column: None,
        },
    ];
    let insert = rows(ORDERS, Insert, &["id"], &[0], &[], vec![vec![text("2")]]);
    let branch = LineHead {
        schema_tick: Some(41),
        ..BRANCH
    };
    agrees(
        include_str!("golden/ddl.ndjson"),
        &[
            (
                committed(head_office(), 6, "2026-11-20 12:00:00+00"),
                groups,
            ),
            (
                committed(branch, 127, "2026-11-20 12:00:05+00"),
                vec![insert],
            ),
        ],
    );
}

#[test]
fn chunks() {
    let group = |op, ids: &[i64]| {
        let ids = ids.iter().map(|id| vec![Cell::Integer(*id)]).collect();
        vec![rows(ORDERS, op, &["id"], &[0], &[], ids)]
    };
    let chunk = |chunk| LineHead {
        chunk,
        last: false,
        ..BRANCH
    };
    agrees(
        include_str!("golden/chunks.ndjson"),
        &[
            (chunk(0), group(Insert, &[1, 2])),
            (chunk(1), group(Insert, &[3])),
            (committed(chunk(2), 125, "2026-11-20 12:00:02+00"), vec![]),
            (
                committed(BRANCH, 126, "2026-11-20 12:00:01+00"),
                group(Delete, &[3]),
            ),
        ],
    );
}

#[test]
fn forwarded_by_the_head() {
    let first = LineHead {
        origin_tick: Some(17),
        ..BRANCH
    };
    let second = LineHead {
        office: "branch2",
        incarnation: "51d0",
        origin_tick: Some(4),
        merged: true,
        ..BRANCH
    };
    let insert = rows(ORDERS, Insert, &["id"], &[0], &[], vec![vec![text("1")]]);
    let update = rows(
        ORDERS,
        Update,
        &["id", "note"],
        &[0],
        &[1],
        vec![vec![text("1"), text("merged"), text("sent")]],
    );
    agrees(
        include_str!("golden/forwarded.ndjson"),
        &[
            (
                committed(first, 900, "2026-11-20 12:00:00.123456+00"),
                vec![insert],
            ),
            (
                committed(second, 901, "2026-11-20 12:00:03+00"),
                vec![update],
            ),
        ],
    );
}

#[test]
fn marker() {
    let head = LineHead {
        origin_tick: Some(18),
        ..BRANCH
    };
    let file = include_str!("golden/marker.ndjson");
    agrees(
        file,
        &[(committed(head, 902, "2026-11-20 12:00:04+00"), vec![])],
    );
    assert!(
        decode::line(file.as_bytes(), &Limits::default())
            .unwrap()
            .is_marker()
    );
}

#[test]
fn hostile_strings() {
    let head = LineHead {
        office: "all-of_it",
        incarnation: "A-b_9",
        ..BRANCH
    };
    let group = rows(
        ["we\"ird", "t\\able\n"],
        Insert,
        &["rows", "]}", "键"],
        &[2],
        &[],
        vec![
            vec![
                text("\u{1}\u{2}\u{8}\t\n\u{b}\u{c}\r\u{1f}"),
                text("quote\"backslash\\slash/ \\u0041"),
                text("漢字 🦀 \u{2028}\u{7f}"),
            ],
            vec![text("]}]}"), text("[null,\"x\"]"), text("{\"a\": null}")],
            vec![text("null"), text(""), text("\\")],
            vec![Cell::Null, text("NULL"), text("'; DROP TABLE orders; --")],
            vec![
                text("12345678\""),
                text("1234567\""),
                text("123456789012345\\6"),
            ],
        ],
    );
    let head = committed(head, 1, "0044-03-15 12:00:00+00 BC");
    agrees(
        include_str!("golden/hostile.ndjson"),
        &[(head, vec![group])],
    );
}

#[test]
fn control_messages() {
    for line in include_str!("golden/control.ndjson").lines() {
        let control = Control::from_json(line.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(control.to_json().unwrap()).unwrap(), line);
    }
}
