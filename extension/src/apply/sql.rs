//! The statements that write changes: one for each shape, for any number of rows.
//!
//! The rows come as one text array per value, `unnest($1, $2) AS r(p1, p2)`; a row by itself as plain values. A row that is already
//! there is found in one of two ways: by a unique key of this office, or, where no key is certain to
//! find only one (replica identity FULL, a deferrable primary key), by the text of the whole row.
//! Of rows that are alike, the n-th change takes the n-th.

use super::target::Target;
use super::window::Shape;
use crate::office::{self, Role};
use officesync_wire::Op;

/// A statement's text.
pub(super) struct Text {
    pub(super) sql: String,
    /// Which positions of a row are its parameters, in order.
    pub(super) positions: Vec<usize>,
    /// Whether it may have to read the whole table.
    pub(super) scans: bool,
}

/// The statement that writes changes of `shape` to `target`; `single`: one at a time.
pub(super) fn text(target: &Target, shape: &Shape, single: bool) -> Text {
    match shape.op {
        Op::Insert => insert(target, shape, single),
        Op::Update => update(target, shape, single),
        Op::Delete => delete(target, shape, single),
    }
}

fn insert(target: &Target, shape: &Shape, single: bool) -> Text {
    let positions: Vec<usize> = (0..shape.columns.len()).collect();
    let sql = format!(
        "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {}",
        target.plain_name(),
        names(shape, &positions).join(", "),
        casts(target, shape, &positions, 0, "r").join(", "),
        source(positions.len(), single),
    );
    Text {
        sql,
        positions,
        scans: false,
    }
}

fn delete(target: &Target, shape: &Shape, single: bool) -> Text {
    let rows = Rows::find(target, shape, single, &[]);
    Text {
        sql: format!(
            "DELETE FROM {} AS t USING {} WHERE {}",
            target.name, rows.source, rows.condition
        ),
        positions: rows.positions,
        scans: rows.scans,
    }
}

fn update(target: &Target, shape: &Shape, single: bool) -> Text {
    let changed_identity = shape
        .changed
        .iter()
        .any(|column| target.column(&shape.columns[*column]).identity_always);
    if changed_identity {
        return replace(target, shape, single);
    }
    let rows = Rows::find(target, shape, single, &shape.changed);
    let values = casts(target, shape, &shape.changed, rows.keys, "r");
    let assignments: Vec<String> = names(shape, &shape.changed)
        .iter()
        .zip(values)
        .map(|(column, value)| format!("{column} = {value}"))
        .collect();
    Text {
        sql: format!(
            "UPDATE {} AS t SET {} FROM {} WHERE {}",
            target.name,
            assignments.join(", "),
            rows.source,
            rows.condition
        ),
        positions: rows.positions,
        scans: rows.scans,
    }
}

/// An update of an identity column GENERATED ALWAYS, which only an INSERT may give a value.
fn replace(target: &Target, shape: &Shape, single: bool) -> Text {
    let all: Vec<usize> = (0..shape.columns.len()).collect();
    let rows = Rows::find(target, shape, single, &all);
    // What this office alone has stays with the row.
    let mut own: Vec<String> = target
        .columns
        .keys()
        .filter(|name| !shape.columns.contains(name))
        .map(|name| quote(name))
        .collect();
    own.sort();
    let returned: Vec<String> = (0..own.len())
        .map(|nth| format!(", t.{} AS own{nth}", own[nth]))
        .collect();
    let kept = (0..own.len()).map(|nth| format!("gone.own{nth}"));
    let mut columns = names(shape, &all);
    let mut values = casts(target, shape, &all, rows.keys, "gone");
    values.extend(kept);
    columns.extend(own);
    Text {
        sql: format!(
            "WITH gone AS (DELETE FROM {} AS t USING {} WHERE {} RETURNING r.*{}) \
             INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM gone",
            target.name,
            rows.source,
            rows.condition,
            returned.concat(),
            target.plain_name(),
            columns.join(", "),
            values.join(", "),
        ),
        positions: rows.positions,
        scans: rows.scans,
    }
}

/// How a statement finds the rows that are there already: a FROM item `r` and a condition on `t`.
/// The first `keys` parameters are for this, those given to [`Rows::find`] follow.
struct Rows {
    source: String,
    condition: String,
    positions: Vec<usize>,
    keys: usize,
    scans: bool,
}

impl Rows {
    fn find(target: &Target, shape: &Shape, single: bool, more: &[usize]) -> Self {
        let key = target.certain_key(shape).map(|(_, columns)| columns);
        let whole = key.is_none() && shape.key.len() == shape.columns.len();
        let key = key.unwrap_or_else(|| shape.key.clone());
        let mut positions: Vec<usize> = key.iter().map(|k| shape.old_position(*k)).collect();
        positions.extend_from_slice(more);
        // What arrives at the head is written as it is only where the row is as its office saw it.
        let compared = !whole && office::this().role == Role::Head;
        let before = positions.len();
        // The key is equal, however it is written.
        let others: Vec<usize> = (0..shape.columns.len())
            .filter(|column| compared && !key.contains(column))
            .collect();
        positions.extend(others.iter().map(|column| shape.old_position(*column)));
        let given = source(positions.len(), single);
        let (source, condition) = if whole {
            by_image(target, shape, &key, &given, single)
        } else {
            let by_key = by_key(target, shape, &key);
            let as_seen = if compared {
                as_seen(target, shape, &others, before)
            } else {
                String::new()
            };
            (given, by_key + &as_seen)
        };
        Self {
            source,
            condition,
            positions,
            keys: key.len(),
            scans: whole,
        }
    }
}

fn by_key(target: &Target, shape: &Shape, key: &[usize]) -> String {
    let conditions: Vec<String> = key
        .iter()
        .zip(casts(target, shape, key, 0, "r"))
        .map(|(column, value)| {
            let name = &shape.columns[*column];
            let equals = &target.column(name).equals;
            format!("t.{} {equals} {value}", quote(name))
        })
        .collect();
    conditions.join(" AND ")
}

/// That these columns hold what the change was made to; they are the parameters after `skip` others.
fn as_seen(target: &Target, shape: &Shape, columns: &[usize], skip: usize) -> String {
    if columns.is_empty() {
        return String::new();
    }
    let stored: Vec<String> = names(shape, columns)
        .iter()
        .map(|name| format!("t.{name}"))
        .collect();
    format!(
        " AND ROW({})::text = ROW({})::text",
        stored.join(", "),
        casts(target, shape, columns, skip, "r").join(", ")
    )
}

/// Compares the texts of whole rows: types without an equality (json, point) and NULL are found too.
fn by_image(
    target: &Target,
    shape: &Shape,
    key: &[usize],
    source: &str,
    single: bool,
) -> (String, String) {
    let given = format!(
        "ROW({})::text",
        casts(target, shape, key, 0, "r").join(", ")
    );
    let stored = format!("ROW({})::text", names(shape, key).join(", "));
    // An index over any one column spares reading the table.
    let narrowed = key.iter().position(|column| {
        let column = target.column(&shape.columns[*column]);
        column.leads_index
    });
    let narrowed = narrowed.map_or(String::new(), |nth| {
        let name = &shape.columns[key[nth]];
        let parameter = format!("${}", nth + 1);
        let sought = if single {
            target.value_of(name, &parameter)
        } else {
            let value = target.value_of(name, "k");
            format!("ANY (ARRAY(SELECT {value} FROM unnest({parameter}) AS k))")
        };
        let equals = &target.column(name).equals;
        format!(" WHERE {} {equals} {sought}", quote(name))
    });
    let source = format!(
        "(SELECT s.stored_in, s.stored_at, n.* FROM \
          (SELECT r.*, {given} AS image, row_number() OVER (PARTITION BY {given}) AS nth FROM {source}) n \
          JOIN (SELECT tableoid AS stored_in, ctid AS stored_at, {stored} AS image, \
                row_number() OVER (PARTITION BY {stored}) AS nth FROM {}{narrowed}) s \
          ON s.image = n.image AND s.nth = n.nth) AS r",
        target.name,
    );
    let condition = "t.tableoid = r.stored_in AND t.ctid = r.stored_at".to_owned();
    (source, condition)
}

/// `r.p1::uuid`, one for each column; the parameters begin after `skip` others.
fn casts(
    target: &Target,
    shape: &Shape,
    columns: &[usize],
    skip: usize,
    from: &str,
) -> Vec<String> {
    columns
        .iter()
        .enumerate()
        .map(|(nth, column)| {
            let text = format!("{from}.p{}", skip + nth + 1);
            target.value_of(&shape.columns[*column], &text)
        })
        .collect()
}

fn names(shape: &Shape, columns: &[usize]) -> Vec<String> {
    let name = |column: &usize| quote(&shape.columns[*column]);
    columns.iter().map(name).collect()
}

/// `unnest($1, $2) AS r(p1, p2)`, or for a single row `(SELECT $1, $2) AS r(p1, p2)`.
fn source(parameters: usize, single: bool) -> String {
    let list = |prefix: &str| {
        (1..=parameters)
            .map(|nth| format!("{prefix}{nth}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let values = if single {
        format!("(SELECT {})", list("$"))
    } else {
        format!("unnest({})", list("$"))
    };
    format!("{values} AS r({})", list("p"))
}

/// A name as SQL takes it.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
