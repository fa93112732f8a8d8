//! At the head: foreign keys, which nothing checks while a tick is applied. A branch may have written a child
//! while its parent was deleted elsewhere, or deleted a parent that got children elsewhere; so after a tick
//! the rows it touched are looked at, as PostgreSQL's own triggers would.

use super::keys::Keys;
use crate::apply::lines::Feed;
use crate::apply::sql::quote;
use crate::apply::target::{self, Target};
use crate::pg::spi::{self, Fixed, Parameter, Statement};
use crate::pg::user;
use officesync_wire::Op;
use officesync_wire::decode::{Change, RowGroup, Value};
use officesync_wire::merge::Key;
use pgrx::pg_sys::{INT8OID, TEXTOID};
use std::collections::HashSet;
use std::rc::Rc;

thread_local! {
    /// The foreign keys of a table and to it, with their own operators (that of citext lies wherever that
    /// extension was put); those to tables that do not travel are each office's own.
    static REFERENCES: Fixed = const {
        Fixed::new(
            "SELECT c.conrelid = $1::oid, child.oid::regclass::text, parent.oid::regclass::text,
                    (SELECT string_agg(format('p.%I OPERATOR(%I.%s) c.%I', r.attname, s.nspname, o.oprname,
                                              k.attname), ' AND ' ORDER BY n)
                     FROM unnest(c.conkey, c.confkey, c.conpfeqop) WITH ORDINALITY AS u (child, parent, equals, n)
                     JOIN pg_attribute k ON k.attrelid = c.conrelid AND k.attnum = u.child
                     JOIN pg_attribute r ON r.attrelid = c.confrelid AND r.attnum = u.parent
                     JOIN pg_operator o ON o.oid = u.equals
                     JOIN pg_namespace s ON s.oid = o.oprnamespace),
                    (SELECT string_agg(format('c.%I IS NOT NULL', k.attname), ' AND ')
                     FROM unnest(c.conkey) u JOIN pg_attribute k ON k.attrelid = c.conrelid AND k.attnum = u),
                    (SELECT string_agg(k.attname, chr(10) ORDER BY n)
                     FROM unnest(c.conkey) WITH ORDINALITY AS u (child, n)
                     JOIN pg_attribute k ON k.attrelid = c.conrelid AND k.attnum = u.child),
                    (SELECT string_agg(r.attname, chr(10) ORDER BY n)
                     FROM unnest(c.confkey) WITH ORDINALITY AS u (parent, n)
                     JOIN pg_attribute r ON r.attrelid = c.confrelid AND r.attnum = u.parent)
             FROM pg_constraint c
             JOIN pg_class child ON child.oid = c.conrelid
             JOIN pg_class parent ON parent.oid = c.confrelid
             WHERE c.contype = 'f' AND c.conparentid = 0 AND $1::oid IN (c.conrelid, c.confrelid)
               AND c.conrelid IN (SELECT relation FROM officesync.tracked)
               AND c.confrelid IN (SELECT relation FROM officesync.tracked)",
            &[INT8OID],
        )
    };
}

/// One foreign key, seen from one of its tables.
pub(crate) struct Reference {
    /// Finds the row of the change as a child without a parent, or children that it left behind.
    statement: Statement,
    /// The columns whose old (of a parent) or present (of a child) values are the parameters.
    columns: Vec<String>,
    is_child: bool,
}

/// The keys of the tick's rows that leave a child without its parent.
pub(crate) fn broken(feed: Feed<'_>) -> HashSet<Key> {
    let mut broken = HashSet::new();
    feed(&mut |line| {
        for change in &line.changes {
            let Change::Rows(group) = change else {
                continue;
            };
            let Some(target) = target::find_tracked(&group.schema, &group.table) else {
                continue;
            };
            let references = of(&target);
            for row in group.rows().filter(|_| !references.is_empty()) {
                if let Some(keys) = Keys::of(&target, group, row)
                    && references
                        .iter()
                        .any(|one| one.is_broken_by(&target, group, row))
                {
                    broken.extend(keys.each());
                }
            }
        }
    });
    broken
}

/// Whether the table has foreign keys, or is referred to.
pub(crate) fn has_any(target: &Target) -> bool {
    !of(target).is_empty()
}

/// The foreign keys of a table; worked out once a session.
fn of(target: &Target) -> Rc<Vec<Reference>> {
    if let Some(known) = target.references.get() {
        return Rc::clone(known);
    }
    let read = Rc::new(read(target));
    let _ = target.references.set(Rc::clone(&read));
    read
}

fn read(target: &Target) -> Vec<Reference> {
    let Some(key) = target.row_key() else {
        return Vec::new();
    };
    let relation = Parameter::Int8(i64::from(target.relation.to_u32()));
    spi::connected(|| {
        let rows = REFERENCES.with(|all| all.statement().rows(&[relation], 0));
        let text = |row, column| rows.text(row, column).unwrap_or_default();
        let mut references = Vec::new();
        for row in 0..rows.len() {
            let (child, parent) = (text(row, 1), text(row, 2));
            let (joined, filled) = (text(row, 3), text(row, 4));
            let orphan = format!(
                "FROM {child} c WHERE {filled} AND NOT EXISTS (SELECT FROM {parent} p WHERE {joined})"
            );
            let is_child = rows.is_true(row, 0);
            let columns: Vec<String> = match is_child {
                true => key.to_vec(),
                false => text(row, 6).split('\n').map(str::to_owned).collect(),
            };
            // Of a parent: the children that have its values in their own columns.
            let named: Vec<&str> = match is_child {
                true => key.iter().map(String::as_str).collect(),
                false => text(row, 5).split('\n').collect(),
            };
            let conditions = columns
                .iter()
                .zip(named)
                .enumerate()
                .map(|(nth, (column, name))| {
                    let value = target.value_of(column, &format!("${}", nth + 1));
                    format!(
                        " AND c.{} {} {value}",
                        quote(name),
                        target.column(column).equals
                    )
                });
            let sql = format!(
                "SELECT 1 {orphan}{} LIMIT 1",
                conditions.collect::<String>()
            );
            references.push(Reference {
                statement: Statement::prepare(&sql, &vec![TEXTOID; columns.len()]),
                columns,
                is_child,
            });
        }
        references
    })
}

impl Reference {
    fn is_broken_by(&self, target: &Target, group: &RowGroup<'_>, row: &[Value<'_>]) -> bool {
        let applies = match group.op {
            Op::Insert => self.is_child,
            Op::Delete => !self.is_child,
            Op::Update => true,
        };
        if !applies {
            return false;
        }
        let values: Option<Vec<Parameter<'_>>> = self
            .columns
            .iter()
            .map(|name| {
                let column = group.columns.iter().position(|known| known == name)?;
                let value = match self.is_child {
                    true => row.get(column),
                    false => group.old_value(row, column),
                };
                Some(value?.as_deref().map_or(Parameter::Null, Parameter::Text))
            })
            .collect();
        values.is_some_and(|values| {
            user::acting_as(target.owner, || {
                spi::connected(|| self.statement.run(&values) > 0)
            })
        })
    }
}
