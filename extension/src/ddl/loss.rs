//! What a branch wrote under an older schema and has no place any more: kept in the ledger.

use crate::pg::spi::{self, Fixed, Parameter};
use crate::transaction;
use officesync_wire::Op;
use officesync_wire::decode::RowGroup;
use officesync_wire::encode;
use pgrx::pg_sys::{INT8OID, TEXTOID};

thread_local! {
    static RECORD: Fixed = const {
        Fixed::new(
            "INSERT INTO officesync.conflicts
                 (schema_name, table_name, key, kind, origin, origin_tick, policy, winner, columns, theirs, state,
                  told_to)
             VALUES ($1, $2, $3::jsonb, $4, $5, $6, 'schema',
                     CASE $8 WHEN 'parked' THEN 'nobody yet' ELSE 'head' END,
                     ARRAY(SELECT jsonb_object_keys($7::jsonb)), $7::jsonb, $8,
                     -- Whose rows those of a table were that is gone, nobody knows.
                     CASE WHEN NOT EXISTS (
                         SELECT FROM officesync.tracked t
                         WHERE t.relation = to_regclass(format('%I.%I', $1, $2))
                           AND t.branch_column IS NULL AND t.branch_path IS NULL) THEN $5 END)",
            &[TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, TEXTOID, TEXTOID],
        )
    };
}

/// Values that were written and can't be.
pub(crate) struct Loss {
    schema: String,
    table: String,
    /// The columns of the key, as a JSON object.
    key: String,
    kind: &'static str,
    /// The values, as a JSON object.
    theirs: String,
    /// Whether a person has to look at it.
    parked: bool,
}

impl Loss {
    /// A row of a table that is there no more.
    pub(super) fn of_row(group: &RowGroup<'_>, row: usize) -> Self {
        let all: Vec<usize> = (0..group.columns.len()).collect();
        Self::of(group, row, &all, "table_dropped", false)
    }

    /// One column's value, if the change wrote one. `cast`: it is of a type that does not fit any more.
    pub(super) fn of_column(
        group: &RowGroup<'_>,
        row: usize,
        column: usize,
        cast: bool,
    ) -> Option<Self> {
        let value = group.row(row)?.get(column)?;
        let is_written = match group.op {
            Op::Insert => value.is_some(),
            Op::Update => group.changed.contains(&column),
            Op::Delete => false,
        };
        let kind = if cast {
            "type_changed"
        } else {
            "column_dropped"
        };
        is_written.then(|| Self::of(group, row, &[column], kind, cast))
    }

    fn of(
        group: &RowGroup<'_>,
        row: usize,
        columns: &[usize],
        kind: &'static str,
        parked: bool,
    ) -> Self {
        Self {
            schema: group.schema.to_string(),
            table: group.table.to_string(),
            key: object(group, row, &group.key),
            kind,
            theirs: object(group, row, columns),
            parked,
        }
    }

    /// Writes it into the ledger; in the transaction that applies the tick it came with.
    pub(crate) fn record(&self, origin: &str) {
        let state = if self.parked { "parked" } else { "resolved" };
        let parameters = [
            Parameter::Text(&self.schema),
            Parameter::Text(&self.table),
            Parameter::Text(&self.key),
            Parameter::Text(self.kind),
            Parameter::Text(origin),
            Parameter::Int8(transaction::applied_tick()),
            Parameter::Text(&self.theirs),
            Parameter::Text(state),
        ];
        spi::connected(|| RECORD.with(|record| record.statement().run(&parameters)));
    }
}

fn object(group: &RowGroup<'_>, row: usize, columns: &[usize]) -> String {
    let values = group.row(row).unwrap_or_default();
    let mut out = vec![b'{'];
    for (nth, column) in columns.iter().enumerate() {
        if nth > 0 {
            out.push(encode::SEPARATOR);
        }
        encode::string(&mut out, group.columns[*column].as_bytes());
        out.push(b':');
        match values.get(*column).and_then(Option::as_deref) {
            Some(text) => encode::string(&mut out, text.as_bytes()),
            None => encode::null(&mut out),
        }
    }
    out.push(b'}');
    String::from_utf8_lossy(&out).into_owned()
}
