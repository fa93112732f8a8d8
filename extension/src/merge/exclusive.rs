//! What keeps two rows from being in one table: its unique indexes and exclusion constraints, also those over
//! expressions or over some rows only.

use crate::pg::spi::{self, Fixed, Parameter};
use pgrx::pg_sys::{INT8OID, Oid};

thread_local! {
    static GENERATED: Fixed = const {
        Fixed::new(
            "SELECT quote_ident(a.attname), pg_get_expr(d.adbin, d.adrelid), a.attname
             FROM pg_attribute a JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
             WHERE a.attrelid = $1::oid AND a.attgenerated <> '' AND NOT a.attisdropped",
            &[INT8OID],
        )
    };
    /// A row for each key of each index.
    static KEYS: Fixed = const {
        Fixed::new(
            "SELECT i.indexrelid::bigint,
                    pg_get_indexdef(i.indexrelid, k.nth::int, false),
                    format('OPERATOR(%I.%s)', n.nspname, o.oprname),
                    coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false),
                    pg_get_expr(i.indpred, i.indrelid),
                    (SELECT string_agg(a.attname, chr(1)) FROM pg_attribute a
                     WHERE a.attrelid = i.indrelid AND a.attnum > 0
                       AND (a.attnum = ANY (i.indkey::int2[]) OR EXISTS (
                           SELECT FROM pg_depend d
                           WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                             AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid
                             AND d.refobjsubid = a.attnum)))
             FROM pg_index i
             CROSS JOIN LATERAL unnest(i.indclass::oid[]) WITH ORDINALITY AS k (opclass, nth)
             JOIN pg_opclass c ON c.oid = k.opclass
             LEFT JOIN pg_constraint x ON x.conindid = i.indexrelid AND x.contype = 'x'
             JOIN pg_operator o ON o.oid = coalesce(x.conexclop[k.nth], (
                 SELECT p.amopopr FROM pg_amop p
                 WHERE p.amopfamily = c.opcfamily AND p.amopstrategy = 3
                   AND p.amoplefttype = c.opcintype AND p.amoprighttype = c.opcintype))
             JOIN pg_namespace n ON n.oid = o.oprnamespace
             WHERE i.indrelid = $1::oid AND (i.indisunique OR i.indisexclusion)
             ORDER BY i.indexrelid, k.nth",
            &[INT8OID],
        )
    };
}

/// A unique index, or that of an exclusion constraint.
pub(super) struct Index {
    id: i64,
    /// What is compared, as an expression over the table's columns, and the operator that two rows must not meet.
    keys: Vec<(String, String)>,
    /// Of which rows.
    predicate: Option<String>,
    nulls_are_equal: bool,
    /// All columns it looks at.
    pub(super) columns: Vec<String>,
}

impl Index {
    /// The condition on rows of the table that can't be beside `new`, an item of FROM with the new row's columns.
    pub(super) fn condition(&self, new: &str) -> String {
        let mut conditions = Vec::new();
        if let Some(predicate) = &self.predicate {
            conditions.push(format!("({predicate})"));
            conditions.push(format!("(SELECT {predicate} FROM {new})"));
        }
        for (key, operator) in &self.keys {
            let theirs = format!("(SELECT {key} FROM {new})");
            let mut meet = format!("{key} {operator} {theirs}");
            if self.nulls_are_equal {
                meet = format!("({meet} OR {key} IS NULL AND {theirs} IS NULL)");
            }
            conditions.push(meet);
        }
        conditions.join(" AND ")
    }
}

/// The columns that are made of the others: their names, and an item of FROM that adds them to those of `row`, which is
/// one too.
pub(super) fn with_generated(table: Oid, row: &str) -> (Vec<String>, String) {
    let parameters = [Parameter::Int8(i64::from(table.to_u32()))];
    let rows = spi::connected(|| GENERATED.with(|all| all.statement().rows(&parameters, 0)));
    let text = |row, column| rows.text(row, column).unwrap_or_default().to_owned();
    let made = (0..rows.len()).map(|row| format!(", ({}) AS {}", text(row, 1), text(row, 0)));
    let item = format!("(SELECT *{} FROM {row}) AS n", made.collect::<String>());
    ((0..rows.len()).map(|row| text(row, 2)).collect(), item)
}

/// Those of a table.
pub(super) fn indexes_of(table: Oid) -> Vec<Index> {
    let parameters = [Parameter::Int8(i64::from(table.to_u32()))];
    let rows = spi::connected(|| KEYS.with(|keys| keys.statement().rows(&parameters, 0)));
    let mut indexes: Vec<Index> = Vec::new();
    for row in 0..rows.len() {
        let id = rows.number(row, 0).unwrap_or_default();
        let text = |column| rows.text(row, column).unwrap_or_default().to_owned();
        if indexes.last().is_none_or(|last| last.id != id) {
            indexes.push(Index {
                id,
                keys: Vec::new(),
                predicate: rows.text(row, 4).map(str::to_owned),
                nulls_are_equal: rows.is_true(row, 3),
                columns: text(5).split('\u{1}').map(str::to_owned).collect(),
            });
        }
        if let Some(index) = indexes.last_mut() {
            index.keys.push((text(1), text(2)));
        }
    }
    indexes
}
