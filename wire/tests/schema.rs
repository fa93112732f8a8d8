//! `docs/wire-format.schema.json` says what the reader says: the golden files fit it, and lines that
//! break a rule it can express do not.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use officesync_wire::decode::{self, Limits};
use serde_json::{Value, json};

const GOLDEN: [&str; 10] = [
    include_str!("golden/insert.ndjson"),
    include_str!("golden/update_key_change.ndjson"),
    include_str!("golden/delete.ndjson"),
    include_str!("golden/truncate.ndjson"),
    include_str!("golden/chunks.ndjson"),
    include_str!("golden/forwarded.ndjson"),
    include_str!("golden/marker.ndjson"),
    include_str!("golden/hostile.ndjson"),
    include_str!("golden/ddl.ndjson"),
    include_str!("golden/by_column.ndjson"),
];

fn schema() -> Value {
    serde_json::from_str(include_str!("../../docs/wire-format.schema.json")).unwrap()
}

fn line_validator() -> jsonschema::Validator {
    jsonschema::validator_for(&schema()).unwrap()
}

#[test]
fn golden_lines_fit() {
    let validator = line_validator();
    for line in GOLDEN.iter().flat_map(|file| file.lines()) {
        let line: Value = serde_json::from_str(line).unwrap();
        if let Err(error) = validator.validate(&line) {
            panic!("{error}\n{line}");
        }
    }
}

#[test]
fn golden_control_messages_fit() {
    let mut schema = schema();
    let definitions = schema["$defs"].take();
    let control = json!({"$defs": definitions, "$ref": "#/$defs/control"});
    let validator = jsonschema::validator_for(&control).unwrap();
    for line in include_str!("golden/control.ndjson").lines() {
        let mut message: Value = serde_json::from_str(line).unwrap();
        assert!(validator.is_valid(&message), "{line}");
        message["more"] = json!(1);
        assert!(!validator.is_valid(&message), "{message}");
    }
}

#[test]
fn schema_and_reader_refuse_the_same() {
    let validator = line_validator();
    let update: Value = serde_json::from_str(GOLDEN[1].lines().next().unwrap()).unwrap();
    let edits: [(&str, Value); 16] = [
        ("/version", json!(0)),
        ("/office", json!("all")),
        ("/office", json!("Branch")),
        ("/incarnation", json!("a/b")),
        ("/sequence", json!(null)),
        ("/sequence", json!(0)),
        ("/commit_time", json!(null)),
        ("/last", json!(false)),
        ("/chunk", json!(-1)),
        ("/changes/0/table", json!(["orders"])),
        ("/changes/0/table", json!(["public", ""])),
        ("/changes/0/op", json!("insert")),
        ("/changes/0/key", json!([])),
        ("/changes/0/columns", json!(["id", "id"])),
        ("/changes/0/rows/0/0", json!(["nested"])),
        ("/changes/0", json!({"table": ["a", "b"], "op": "truncate"})),
    ];
    for (pointer, value) in edits {
        let mut line = update.clone();
        *line.pointer_mut(pointer).unwrap() = value;
        assert!(
            !validator.is_valid(&line),
            "the schema takes {pointer} of {line}"
        );
        let bytes = line.to_string();
        assert!(
            decode::line(bytes.as_bytes(), &Limits::default()).is_err(),
            "{pointer} of {line}"
        );
    }
}

#[test]
fn rows_come_one_way_or_the_other() {
    let validator = line_validator();
    let turned: Value = serde_json::from_str(GOLDEN[9]).unwrap();
    let edits = [
        ("/changes/0/by_column/0/0", json!(["nested"])),
        ("/changes/0/by_column/0", json!("1")),
        ("/changes/0/rows", json!([["1", "a"]])),
    ];
    for (pointer, value) in edits {
        let mut line = turned.clone();
        let (parent, last) = pointer.rsplit_once('/').unwrap();
        match line.pointer_mut(parent).unwrap() {
            Value::Array(list) => list[last.parse::<usize>().unwrap()] = value,
            other => other[last] = value,
        }
        assert!(!validator.is_valid(&line), "the schema takes {pointer}");
        let bytes = line.to_string();
        assert!(
            decode::line(bytes.as_bytes(), &Limits::default()).is_err(),
            "{pointer} of {line}"
        );
    }
}

#[test]
fn extensions_are_allowed_by_both() {
    let mut line: Value = serde_json::from_str(GOLDEN[6]).unwrap();
    line["x_trace"] = json!({"id": 7});
    assert!(line_validator().is_valid(&line));
    assert!(decode::line(line.to_string().as_bytes(), &Limits::default()).is_ok());
    line["trace"] = json!(7);
    assert!(!line_validator().is_valid(&line));
    assert!(decode::line(line.to_string().as_bytes(), &Limits::default()).is_err());
}
