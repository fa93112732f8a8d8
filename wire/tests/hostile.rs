//! Broken and hostile bodies: nothing panics, nothing grows beyond its bounds, and no error message
//! quotes a value of a row.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use officesync_wire::compress::compress;
use officesync_wire::decode::{self, Limits, LineReader};
use officesync_wire::message::{Control, Encoding};
use officesync_wire::{Problem, WireError};
use proptest::collection::vec;
use proptest::prelude::*;

const VALID: &str = r#"{"version":1,"office":"branch1","incarnation":"9f3c","sequence":7,"chunk":0,"last":true,"commit_time":"2026-11-20 12:00:00+00","origin_tick":3,"merged":true,"x_a":[{"b":1}],"changes":[{"table":["public","orders"],"op":"update","columns":["id","note"],"key":["id"],"changed":["note"],"rows":[[1,"SECRETé\u00e9\n",null],["SECRET",true,-1.5e3]]},{"table":["public","orders"],"op":"truncate","restart_identity":false}]}"#;

/// A line whose only group is this text.
fn with_group(group: &str) -> String {
    format!(
        r#"{{"version":1,"office":"a","incarnation":"b","sequence":1,"chunk":0,"last":true,"commit_time":"t","changes":[{group}]}}"#
    )
}

fn problem(line: &str) -> Problem {
    match decode::line(line.as_bytes(), &Limits::default()) {
        Err(WireError::Malformed { problem, .. }) => problem,
        other => panic!("{line}: {other:?}"),
    }
}

fn message(line: &str) -> String {
    decode::line(line.as_bytes(), &Limits::default())
        .unwrap_err()
        .on_line(9)
        .to_string()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..200)) {
        let _ = decode::line(&bytes, &Limits::default());
        let _ = Control::from_json(&bytes);
        let mut buffer = Vec::new();
        let mut reader = LineReader::new(Encoding::Zstd, bytes.as_slice(), Limits::default()).unwrap();
        while let Ok(true) = reader.next_line(&mut buffer) {}
    }

    #[test]
    fn any_json_like(text in "[\\[\\]{},:\"\\\\ utrfnl0-9eE+.x_-]{0,80}") {
        let _ = decode::line(with_group(&text).as_bytes(), &Limits::default());
        let _ = decode::line(text.as_bytes(), &Limits::default());
    }

    #[test]
    fn mutated_lines(
        edits in vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>(), 0..40_usize), 1..4),
    ) {
        let mut bytes = VALID.as_bytes().to_vec();
        for (at, kind, byte, length) in edits {
            let at = at.index(bytes.len());
            let end = (at + length).min(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => drop(bytes.drain(at..end)),
                2 => bytes.insert(at, byte % 128),
                _ => bytes.extend_from_within(at..end),
            }
            if bytes.is_empty() {
                return Ok(());
            }
        }
        if let Err(error) = decode::line(&bytes, &Limits::default()) {
            prop_assert!(!error.to_string().contains("SECRET"), "{}", error);
        }
    }

    #[test]
    fn cut_bodies(keep in any::<prop::sample::Index>()) {
        let whole = compress(format!("{VALID}\n").repeat(50).as_bytes(), 3).unwrap();
        let cut = &whole[..keep.index(whole.len())];
        let mut reader = LineReader::new(Encoding::Zstd, cut, Limits::default()).unwrap();
        let mut buffer = Vec::new();
        let end = loop {
            match reader.next_line(&mut buffer) {
                Ok(true) => {}
                other => break other,
            }
        };
        let cut_short = matches!(end, Err(WireError::Decompress { .. }));
        prop_assert!(cut_short, "the end of the body went unnoticed");
    }
}

#[test]
fn the_valid_line_is_valid() {
    decode::line(VALID.as_bytes(), &Limits::default()).unwrap();
    for end in 0..VALID.len() {
        let cut = VALID.as_bytes().get(..end).unwrap();
        assert!(
            decode::line(cut, &Limits::default()).is_err(),
            "cut at {end}"
        );
    }
}

#[test]
fn a_newer_version_is_never_just_malformed() {
    for line in [
        VALID.replace(r#""version":1"#, r#""version":2"#),
        r#"{"version":2,"something":"else"}"#.to_owned(),
        r#"{"x":{"version":1},"changes":7,"version":2}"#.to_owned(),
        r#"{"version":2,"rest":"#.to_owned(),
    ] {
        let error = decode::line(line.as_bytes(), &Limits::default()).unwrap_err();
        assert!(
            matches!(error, WireError::NewerVersion { found: 2 }),
            "{line}: {error}"
        );
    }
    for version in ["0", "-1", "1.0", "\"2\"", "null"] {
        problem(&VALID.replace(r#""version":1"#, &format!(r#""version":{version}"#)));
    }
}

#[test]
fn rules_of_a_line() {
    let change = |from: &str, to: &str| {
        assert!(VALID.contains(from));
        problem(&VALID.replacen(from, to, 1))
    };
    assert_eq!(
        change(r#""version":1,"#, ""),
        Problem::MissingField("version")
    );
    assert_eq!(change(r#""last":true,"#, ""), Problem::MissingField("last"));
    assert_eq!(
        change(r#""last":true"#, r#""last":true,"last":true"#),
        Problem::DuplicateField
    );
    assert_eq!(
        change(r#""merged":"#, r#""marged":"#),
        Problem::UnknownField
    );
    assert_eq!(
        change("branch1", "all"),
        Problem::Rule("not an office name")
    );
    assert_eq!(change("9f3c", "9/3c"), Problem::Rule("not an incarnation"));
    assert_eq!(change(r#""chunk":0"#, r#""chunk":-1"#), Problem::OutOfRange);
    assert_eq!(
        change(r#""chunk":0"#, r#""chunk":2147483648"#),
        Problem::OutOfRange
    );
    assert_eq!(
        change(r#""chunk":0"#, r#""chunk":0.0"#),
        Problem::Expected("a whole number")
    );
    assert_eq!(
        change(r#""sequence":7"#, r#""sequence":0"#),
        Problem::OutOfRange
    );
    assert_eq!(
        change(r#""sequence":7"#, r#""sequence":9223372036854775808"#),
        Problem::OutOfRange
    );
    assert!(matches!(
        change(r#""sequence":7"#, r#""sequence":null"#),
        Problem::Rule(_)
    ));
    assert!(matches!(
        change(r#""last":true"#, r#""last":false"#),
        Problem::Rule(_)
    ));
    assert_eq!(problem(&format!("{VALID} {{}}")), Problem::Trailing);
    assert_eq!(
        problem(&VALID.replace(r#"[{"b":1}]"#, &"[".repeat(100_000))),
        Problem::TooDeep
    );
}

#[test]
fn rules_of_a_group() {
    let group = |rest: &str| problem(&with_group(&format!(r#"{{"table":["s","t"],{rest}}}"#)));
    let long = "x".repeat(64);
    assert!(matches!(
        group(r#""op":"insert","columns":["a"],"key":[],"rows":[]"#),
        Problem::Rule(_)
    ));
    assert_eq!(
        group(r#""op":"insert","columns":["a"],"key":["b"],"rows":[]"#),
        Problem::UnknownColumn
    );
    assert_eq!(
        group(r#""op":"insert","columns":["a","a"],"key":["a"],"rows":[]"#),
        Problem::DuplicateColumn
    );
    assert_eq!(
        group(r#""op":"insert","columns":["a"],"key":["a","a"],"rows":[]"#),
        Problem::DuplicateColumn
    );
    assert_eq!(
        group(r#""op":"update","columns":["a"],"key":["a"],"changed":["b"],"rows":[]"#),
        Problem::UnknownColumn
    );
    assert_eq!(
        group(r#""op":"update","columns":["a"],"key":["a"],"rows":[]"#),
        Problem::MissingField("changed")
    );
    assert!(matches!(
        group(r#""op":"delete","columns":["a"],"key":["a"],"changed":[],"rows":[]"#),
        Problem::Rule(_)
    ));
    assert!(matches!(
        group(r#""op":"truncate","restart_identity":true,"rows":[]"#),
        Problem::Rule(_)
    ));
    assert_eq!(
        group(r#""op":"truncate""#),
        Problem::MissingField("restart_identity")
    );
    assert_eq!(
        group(&format!(r#""op":"insert","columns":["{long}"]"#)),
        Problem::NameLength
    );
    assert_eq!(
        group(r#""op":"insert","columns":[""]"#),
        Problem::NameLength
    );
    assert_eq!(
        group(r#""op":"merge""#),
        Problem::Expected("insert, update, delete, truncate, ddl, track or untrack")
    );
}

#[test]
fn wide_groups_are_checked_too() {
    let names: Vec<String> = (0..1600).map(|number| format!("\"c{number}\"")).collect();
    let names = names.join(",");
    let group = |key: &str| {
        with_group(&format!(
            r#"{{"table":["s","t"],"op":"insert","columns":[{names}],"key":[{key}],"rows":[]}}"#
        ))
    };
    decode::line(group(&names).as_bytes(), &Limits::default()).unwrap();
    assert_eq!(problem(&group("\"c1600\"")), Problem::UnknownColumn);
    assert_eq!(
        problem(&group("\"c1599\",\"c1599\"")),
        Problem::DuplicateColumn
    );
    assert_eq!(
        problem(&group(&names).replace("c1599", "c0")),
        Problem::DuplicateColumn
    );
}

#[test]
fn rules_of_rows() {
    let rows = |rows: &str| {
        problem(&with_group(&format!(
            r#"{{"table":["s","t"],"op":"insert","columns":["a","b"],"key":["a"],"rows":[{rows}]}}"#
        )))
    };
    let width = Problem::RowWidth { expected: 2 };
    assert_eq!(rows("[1]"), width);
    assert_eq!(rows("[1,2,3]"), width);
    assert_eq!(rows("[1,2],[1]"), width);
    assert_eq!(rows("[]"), width);
    let value = Problem::Expected("a string, number, true, false or null");
    assert_eq!(rows("[[1],2]"), value);
    assert_eq!(rows("[{},2]"), value);
    assert_eq!(rows("[1,]"), value);
    assert_eq!(rows("[01,2]"), Problem::Expected("a JSON number"));
    assert_eq!(rows("[nul,2]"), Problem::Expected("null"));
    assert_eq!(rows(r#"["a\u0000",2]"#), Problem::Nul);
}

#[test]
fn rules_of_columns() {
    let columns = |columns: &str| {
        problem(&with_group(&format!(
            r#"{{"table":["s","t"],"op":"insert","columns":["a","b"],"key":["a"],"by_column":[{columns}]}}"#
        )))
    };
    let width = Problem::RowWidth { expected: 2 };
    assert_eq!(columns("[1]"), width);
    assert_eq!(columns("[1],[2],[3]"), width);
    let length = Problem::Rule("the columns are not of the same length");
    assert_eq!(columns("[1,2],[1]"), length);
    assert_eq!(columns("[],[1]"), length);
    let value = Problem::Expected("a string, number, true, false or null");
    assert_eq!(columns("[[1],2]"), value);
    assert_eq!(columns("[1,],[1,2]"), value);
    assert_eq!(
        columns("[1],2"),
        Problem::Expected("the values of a column")
    );
    let both = r#"{"table":["s","t"],"op":"insert","columns":["a"],"key":["a"],"rows":[[1]],"by_column":[[1]]}"#;
    assert_eq!(problem(&with_group(both)), Problem::DuplicateField);
    for none in ["", "[],[]"] {
        let line = with_group(&format!(
            r#"{{"table":["s","t"],"op":"insert","columns":["a","b"],"key":["a"],"by_column":[{none}]}}"#
        ));
        decode::line(line.as_bytes(), &Limits::default()).unwrap();
    }
}

#[test]
fn messages_say_where_and_never_what() {
    let line = with_group(
        r#"{"table":["s","t"],"op":"insert","columns":["a"],"key":["a"],"rows":[["SECRET"],["SECRET\x"]]}"#,
    );
    let byte = line.find("\\x").unwrap() + 1;
    assert_eq!(
        message(&line),
        format!("invalid escape in a string, line 9, group 1, row 2, field \"rows\", byte {byte}")
    );
    let unknown = with_group(r#"{"SECRET":1}"#);
    let byte = unknown.find(":1}").unwrap() + 1;
    assert_eq!(
        message(&unknown),
        format!("unknown field, line 9, group 1, byte {byte}")
    );
}

#[test]
fn too_many() {
    let limits = Limits {
        max_rows: 2,
        max_values: 4,
        max_columns: 3,
        ..Limits::default()
    };
    let group = |columns: &str, rows: &str| {
        with_group(&format!(
            r#"{{"table":["s","t"],"op":"insert","columns":[{columns}],"key":["a"],"rows":[{rows}]}}"#
        ))
    };
    let read = |line: &str| {
        decode::line(line.as_bytes(), &limits)
            .map(drop)
            .map_err(|e| e.to_string())
    };
    assert!(read(&group(r#""a","b""#, "[1,2],[3,4]")).is_ok());
    let turned = |columns: &str, values: &str| group(columns, values).replace("rows", "by_column");
    assert!(read(&turned(r#""a","b""#, "[1,2],[3,4]")).is_ok());
    assert!(
        read(&turned(r#""a""#, "[1,2,3]"))
            .unwrap_err()
            .starts_with("more than 2 rows")
    );
    assert!(
        read(&turned(r#""a","b","c""#, "[1,2],[3,4],[5,6]"))
            .unwrap_err()
            .starts_with("more than 4 values")
    );
    assert!(
        read(&group(r#""a""#, "[1],[2],[3]"))
            .unwrap_err()
            .starts_with("more than 2 rows")
    );
    assert!(
        read(&group(r#""a","b","c""#, "[1,2,3],[4,5,6]"))
            .unwrap_err()
            .starts_with("more than 4 values")
    );
    assert!(
        read(&group(r#""a","b","c","d""#, ""))
            .unwrap_err()
            .starts_with("more than 3 columns")
    );
}

#[test]
fn bombs() {
    let limits = Limits {
        max_line_bytes: 1 << 20,
        max_body_bytes: 4 << 20,
        ..Limits::default()
    };
    let read = |body: &[u8], encoding| {
        let mut reader = LineReader::new(encoding, body, limits).unwrap();
        let mut buffer = Vec::new();
        loop {
            match reader.next_line(&mut buffer) {
                Ok(true) => assert!(buffer.capacity() <= 4 << 20),
                Ok(false) => return Ok(()),
                Err(error) => return Err((error, buffer.capacity())),
            }
        }
    };
    let long = vec![b' '; 64 << 20];
    let newlines = vec![b'\n'; 8 << 20];
    for encoding in [Encoding::Zstd, Encoding::Identity] {
        let pack = |body: &[u8]| match encoding {
            Encoding::Zstd => compress(body, 3).unwrap(),
            Encoding::Identity => body.to_vec(),
        };
        let (error, taken) = read(&pack(&long), encoding).unwrap_err();
        assert!(matches!(error, WireError::LineTooLong { line: 1, .. }));
        assert!(taken <= 4 << 20);
        let (error, _) = read(&pack(&newlines), encoding).unwrap_err();
        assert!(matches!(error, WireError::BodyTooLong { .. }));
        read(&pack(&newlines[..4 << 20]), encoding).unwrap();
    }
    assert!(matches!(
        decode::line(&long, &limits),
        Err(WireError::LineTooLong { .. })
    ));
}

#[test]
fn not_zstd_at_all() {
    for body in [&b""[..], b"{}\n", b"\x28\xb5\x2f\xfd"] {
        let mut reader = LineReader::new(Encoding::Zstd, body, Limits::default()).unwrap();
        let end = reader.next_line(&mut Vec::new());
        assert!(matches!(end, Err(WireError::Decompress { line: 1, .. })));
    }
    assert!("gzip".parse::<Encoding>().is_err());
    assert_eq!("zstd".parse::<Encoding>().unwrap().to_string(), "zstd");
}
