//! The ledger: what was in conflict, and how it was decided. Written at the head, in the transaction that
//! decides; it travels to the branches as any table that is authored at the head.

use super::row::Table;
use crate::apply::scope;
use crate::pg::spi::{self, Fixed, Parameter};
use officesync_wire::encode;
use officesync_wire::merge::{Conflict, Kind, Policy, Winner};
use pgrx::pg_sys::{INT8OID, TEXTOID};

thread_local! {
    static RECORD: Fixed = const {
        Fixed::new(
            "INSERT INTO officesync.conflicts
                 (schema_name, table_name, key, kind, origin, origin_tick, policy, winner, columns,
                  base, ours, theirs, result, ours_by, ours_at, theirs_at, state, told_to)
             VALUES ($1, $2, $3::jsonb, $4, $5, $6, $7, $8, $9::text[],
                     $10::jsonb, $11::jsonb, $12::jsonb, $13::jsonb, $14,
                     'epoch'::timestamptz + ($15 + 946684800000000) * interval '1 microsecond',
                     'epoch'::timestamptz + ($16 + 946684800000000) * interval '1 microsecond', $17, $18)",
            &[
                TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
                TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, INT8OID, TEXTOID, TEXTOID,
            ],
        )
    };
}

/// A row as it was on one side, None where there was none.
pub(super) type Version<'a> = Option<&'a [Option<&'a str>]>;

/// What is recorded beside the conflict itself.
pub(super) struct Entry<'a> {
    pub(super) origin: &'a str,
    pub(super) origin_tick: i64,
    pub(super) base: Version<'a>,
    pub(super) ours: Version<'a>,
    pub(super) theirs: Version<'a>,
    pub(super) result: Version<'a>,
    /// Who made the version at the head, and when (microseconds since 2000-01-01 UTC), if that is known.
    pub(super) ours_by: Option<(&'a str, i64)>,
    pub(super) theirs_at: i64,
    /// The user's own function, where it decided.
    pub(super) function: Option<&'a str>,
    /// What decides between a row and a deletion.
    pub(super) on_delete: &'static str,
}

/// Writes an entry.
pub(super) fn record(table: &Table<'_>, conflict: &Conflict, entry: &Entry<'_>) {
    let key: Vec<&str> = table
        .key
        .iter()
        .map(|column| table.columns[*column])
        .collect();
    let of_key = |row: Version<'_>| {
        row.map(|row| {
            let values: Vec<Option<&str>> = table.key.iter().map(|column| row[*column]).collect();
            object(&key, &values)
        })
    };
    let key = of_key(entry.base)
        .or_else(|| of_key(entry.theirs))
        .or_else(|| of_key(entry.ours))
        .unwrap_or_else(|| "{}".into());
    let whole = |row: Version<'_>| row.map(|row| object(table.columns, row));
    let versions = [entry.base, entry.ours, entry.theirs, entry.result].map(whole);
    let text = |text: &'_ Option<String>| text.as_deref().map(str::to_owned);
    let versions: Vec<Option<String>> = versions.iter().map(text).collect();
    let told_to = told_to(table, entry);
    // A row that came too late for the one it refers to.
    let is_late = conflict.kind == Kind::ForeignKeyMissing && !conflict.parked();
    let (policy, winner) = match told_to {
        Some("") => ("changed hands".to_owned(), "head"),
        _ if is_late => ("changed hands".to_owned(), "head"),
        _ => decided(conflict, entry),
    };
    let columns = array(
        conflict
            .columns
            .iter()
            .map(|decision| table.columns[decision.column]),
    );
    let state = if conflict.parked() {
        "parked"
    } else {
        "resolved"
    };
    let optional = |text: Option<&'_ str>| text.map(str::to_owned);
    let ours_by = optional(entry.ours_by.map(|(office, _)| office));
    let parameter = |text: &'_ Option<String>| text.clone();
    let owned: Vec<Option<String>> = versions.iter().map(parameter).collect();
    let or_null = |nth: usize| {
        owned[nth]
            .as_deref()
            .map_or(Parameter::Null, Parameter::Text)
    };
    let parameters = [
        Parameter::Text(&table.target.schema),
        Parameter::Text(&table.target.table),
        Parameter::Text(&key),
        Parameter::Text(conflict.kind.name()),
        Parameter::Text(entry.origin),
        Parameter::Int8(entry.origin_tick),
        Parameter::Text(&policy),
        Parameter::Text(winner),
        Parameter::Text(&columns),
        or_null(0),
        or_null(1),
        or_null(2),
        or_null(3),
        ours_by.as_deref().map_or(Parameter::Null, Parameter::Text),
        entry
            .ours_by
            .map_or(Parameter::Null, |(_, at)| Parameter::Int8(at)),
        Parameter::Int8(entry.theirs_at),
        Parameter::Text(state),
        told_to.map_or(Parameter::Null, Parameter::Text),
    ];
    spi::connected(|| RECORD.with(|record| record.statement().run(&parameters)));
}

/// The only office that is told; None: all. Of a scoped table it is the branch whose change it was, unless the head's
/// row is another's by now: then it is nobody.
fn told_to<'a>(table: &Table<'_>, entry: &Entry<'a>) -> Option<&'a str> {
    table.target.scope.as_ref()?;
    let is_its = |row: &&[Option<&str>]| {
        scope::owner(table.target, table.columns, row).includes(entry.origin)
    };
    let rows = [entry.ours, entry.result];
    Some(match rows.iter().flatten().all(is_its) {
        true => entry.origin,
        false => "",
    })
}

/// The policies that decided, and who won.
fn decided(conflict: &Conflict, entry: &Entry<'_>) -> (String, &'static str) {
    if let Some(function) = entry.function {
        let winner = if conflict.parked() {
            "nobody yet"
        } else {
            "both"
        };
        return (format!("function {function}"), winner);
    }
    let mut policies: Vec<Policy> = conflict
        .columns
        .iter()
        .map(|column| column.policy)
        .collect();
    policies.dedup();
    let names: Vec<&str> = policies.into_iter().map(Policy::name).collect();
    let mut winners = conflict.columns.iter().map(|column| column.winner);
    let first = conflict.whole.or_else(|| winners.next());
    let winner = match first {
        _ if conflict.whole.is_none() && winners.any(|other| Some(other) != first) => "both",
        Some(Winner::Ours) => "head",
        Some(Winner::Theirs) => "branch",
        Some(Winner::Parked) => "nobody yet",
        Some(Winner::Both) | None => "both",
    };
    let policy = match (names.is_empty(), conflict.parked()) {
        (false, _) => names.join(", "),
        (true, true) => "park".to_owned(),
        (true, false) => entry.on_delete.to_owned(),
    };
    (policy, winner)
}

/// A row as a JSON object of texts.
pub(super) fn object(columns: &[&str], row: &[Option<&str>]) -> String {
    let mut out = vec![b'{'];
    for (nth, (name, value)) in columns.iter().zip(row).enumerate() {
        if nth > 0 {
            out.push(b',');
        }
        encode::string(&mut out, name.as_bytes());
        out.push(b':');
        match value {
            Some(text) => encode::string(&mut out, text.as_bytes()),
            None => encode::null(&mut out),
        }
    }
    out.push(b'}');
    String::from_utf8_lossy(&out).into_owned()
}

/// Names as the text of an array.
fn array<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let quoted =
        names.map(|name| format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")));
    format!("{{{}}}", quoted.collect::<Vec<_>>().join(","))
}
