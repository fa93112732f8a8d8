//! The local table that changes are written to, as its catalogue describes it.
//!
//! Several rows are handed over as one array for each column; a row by itself as plain values, so that
//! a huge one is neither copied through arrays nor bounded by what an array holds.

use super::direct::Plan;
use super::scope::Scope;
use super::sql::{self, Text};
use super::window::{Batch, Shape};
use crate::merge::references::Reference;
use crate::pg::array::text_array;
use crate::pg::bytea;
use crate::pg::catalog::{self, Fresh};
use crate::pg::hash::Hashing;
use crate::pg::input::Input;
use crate::pg::settings;
use crate::pg::spi::{self, Fixed, Parameter, Statement};
use crate::pg::writer::Field;
use crate::refuse::refuse;
use pgrx::prelude::*;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// A tracked table of this office.
pub(crate) struct Target {
    pub(crate) schema: String,
    pub(crate) table: String,
    pub(crate) relation: pg_sys::Oid,
    pub(crate) is_partitioned: bool,
    /// Whether rows lie in this very table, and not in partitions, and none of its columns is
    /// generated: the executor decides once per open table which of those it computes.
    pub(super) is_ordinary: bool,
    /// The function of the capture triggers.
    pub(crate) capture: pg_sys::Oid,
    /// Quoted and qualified, with ONLY where rows of inheriting tables must not be touched.
    pub(crate) name: String,
    pub(crate) owner: pg_sys::Oid,
    pub(crate) direction: String,
    /// How its rows are shared out; None where they are for all.
    pub(crate) scope: Option<Scope>,
    pub(crate) columns: HashMap<String, Column>,
    /// Each unique index that surely finds at most one row, and its columns; the best one first.
    keys: Vec<(pg_sys::Oid, Vec<String>)>,
    plans: RefCell<HashMap<Shape, Option<Rc<Plan>>>>,
    /// Statements that read a row, by the columns.
    pub(crate) reads: RefCell<HashMap<Vec<String>, Rc<Statement>>>,
    pub(crate) references: OnceCell<Rc<Vec<Reference>>>,
    statements: RefCell<Statements>,
    /// Those that write a row by itself.
    single_statements: RefCell<Statements>,
}

type Statements = HashMap<Shape, Rc<Prepared>>;

/// A column that can be written.
pub(crate) struct Column {
    /// Counted from 0, with the dropped ones.
    index: usize,
    type_id: pg_sys::Oid,
    modifier: i32,
    /// The type without its length, for the cast from text.
    type_name: String,
    /// Whether a cast from text would not be what the type's input function makes of it.
    needs_input: bool,
    /// GENERATED ALWAYS AS IDENTITY: an UPDATE may not set it.
    pub(super) identity_always: bool,
    /// How the index over it compares, qualified where that is not PostgreSQL's own `=`.
    pub(crate) equals: String,
    /// Whether an index can find its rows by this column alone.
    pub(super) leads_index: bool,
    collation: pg_sys::Oid,
    hashing: OnceCell<Hashing>,
}

/// A statement with the positions of a row that are its parameters, in order.
pub(super) struct Prepared {
    statement: Statement,
    positions: Vec<usize>,
    values: Values,
    scans: bool,
}

/// How the values of a statement are handed over.
enum Values {
    /// One `text[]` a column, for any number of rows.
    Arrays,
    /// For a single row: whether each one is a bytea, else it is a text.
    Plain(Vec<bool>),
}

/// By schema and name.
type Targets = HashMap<(String, String), Rc<Target>>;

thread_local! {
    static TARGETS: RefCell<Fresh<Targets>> = RefCell::default();
    static TRACKED: Fixed = const {
        Fixed::new(
            "SELECT c.oid::bigint, c.relowner::bigint, t.direction, c.relkind = 'p',
                    'officesync.capture()'::regprocedure::oid::bigint,
                    EXISTS (SELECT FROM pg_attribute a
                            WHERE a.attrelid = c.oid AND a.attgenerated <> ''),
                    t.branch_column, t.branch_path IS NOT NULL
             FROM (SELECT relation, direction, branch_column, branch_path FROM officesync.tracked
                   UNION ALL VALUES ('officesync.conflicts'::regclass, 'down', NULL, NULL),
                                    ('officesync.policy'::regclass, 'down', NULL, NULL)) t
             JOIN pg_class c ON c.oid = t.relation
             JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = $1 AND c.relname = $2",
            &[pg_sys::TEXTOID, pg_sys::TEXTOID],
        )
    };
    /// An index of a type that an extension brought (citext, hstore) compares with an operator
    /// that lies wherever that extension was put.
    static COLUMNS: Fixed = const {
        Fixed::new(
            "SELECT a.attname, a.attnum, a.atttypid::bigint, a.atttypmod,
                    format_type(a.atttypid, -1),
                    y.typtype = 'd' OR EXISTS (
                        SELECT FROM pg_cast t WHERE t.castsource = 'text'::regtype
                        AND t.casttarget = y.oid AND t.castmethod = 'f'),
                    a.attidentity = 'a',
                    coalesce((
                        SELECT format('OPERATOR(%I.%s)', n.nspname, o.oprname)
                        FROM pg_index i
                        CROSS JOIN LATERAL unnest(i.indkey::int2[], i.indclass::oid[])
                             AS k (attnum, opclass)
                        JOIN pg_opclass c ON c.oid = k.opclass
                        JOIN pg_am m ON m.oid = c.opcmethod
                        JOIN pg_amop p ON p.amopfamily = c.opcfamily
                             AND p.amoplefttype = c.opcintype AND p.amoprighttype = c.opcintype
                             AND p.amopstrategy
                                 = CASE m.amname WHEN 'btree' THEN 3 WHEN 'hash' THEN 1 END
                        JOIN pg_operator o ON o.oid = p.amopopr
                        JOIN pg_namespace n ON n.oid = o.oprnamespace
                        WHERE i.indrelid = a.attrelid AND k.attnum = a.attnum
                        ORDER BY i.indisprimary DESC, i.indisreplident DESC, i.indisunique DESC
                        LIMIT 1), '='),
                    a.attnotnull AND EXISTS (
                        SELECT FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
                        JOIN pg_am m ON m.oid = x.relam
                        WHERE i.indrelid = a.attrelid AND i.indkey[0] = a.attnum AND i.indisvalid
                          AND i.indpred IS NULL AND m.amname IN ('btree', 'hash')),
                    a.attcollation::bigint
             FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
             WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
               AND a.attgenerated = ''",
            &[pg_sys::INT8OID],
        )
    };
    static KEYS: Fixed = const {
        Fixed::new(
            "SELECT i.indexrelid::bigint, a.attname
             FROM pg_index i
             CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, nth)
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
             WHERE i.indrelid = $1::oid AND i.indisunique AND i.indimmediate AND i.indisvalid
               AND i.indpred IS NULL AND i.indexprs IS NULL AND k.nth <= i.indnkeyatts
               AND NOT EXISTS (SELECT FROM pg_attribute n
                               WHERE n.attrelid = i.indrelid AND n.attnum = ANY (i.indkey::int2[])
                                 AND NOT n.attnotnull)
             ORDER BY i.indisprimary DESC, i.indisreplident DESC, i.indexrelid, k.nth",
            &[pg_sys::INT8OID],
        )
    };
}

/// The tracked table of that name, or an error that says what to do. It is locked as a user's INSERT would, so that
/// it stays what it is said to be while rows are written to it.
pub(crate) fn find(schema: &str, table: &str) -> Rc<Target> {
    loop {
        let target = find_unlocked(schema, table);
        catalog::lock_for_writing(target.relation);
        // Whoever changed it while we waited is heard of now.
        if known(schema, table).is_some_and(|known| Rc::ptr_eq(&known, &target)) {
            return target;
        }
    }
}

fn find_unlocked(schema: &str, table: &str) -> Rc<Target> {
    known_or_read(schema, table).unwrap_or_else(|| {
        refuse(
            PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE,
            format!("table \"{schema}.{table}\" is not tracked at this office"),
            "A change of it arrived from another office.",
            "Create the table if it is missing, run officesync.track() on it, then officesync.retry().",
        )
    })
}

/// The table of that name, if it is tracked.
pub(crate) fn find_tracked(schema: &str, table: &str) -> Option<Rc<Target>> {
    spi::connected(|| known_or_read(schema, table))
}

fn known(schema: &str, table: &str) -> Option<Rc<Target>> {
    let name = (schema.to_owned(), table.to_owned());
    TARGETS.with_borrow_mut(|targets| targets.get().get(&name).cloned())
}

fn known_or_read(schema: &str, table: &str) -> Option<Rc<Target>> {
    let name = (schema.to_owned(), table.to_owned());
    catalog::kept_or_read(
        &TARGETS,
        |targets| targets.get(&name).cloned(),
        || Target::read(schema, table).map(Rc::new),
        |targets, target| {
            targets.insert(name.clone(), target);
        },
    )
}

impl Target {
    fn read(schema: &str, table: &str) -> Option<Self> {
        let parameters = [Parameter::Text(schema), Parameter::Text(table)];
        let facts = TRACKED.with(|tracked| tracked.statement().rows(&parameters, 1));
        let relation = facts.number(0, 0)?;
        let oid = |number: Option<i64>| pg_sys::Oid::from(number.unwrap_or_default() as u32);
        let is_partitioned = facts.is_true(0, 3);
        let only = if is_partitioned { "" } else { "ONLY " };
        Some(Self {
            schema: schema.to_owned(),
            table: table.to_owned(),
            relation: oid(Some(relation)),
            is_partitioned,
            is_ordinary: !is_partitioned && !facts.is_true(0, 5),
            capture: oid(facts.number(0, 4)),
            name: format!("{only}{}.{}", sql::quote(schema), sql::quote(table)),
            owner: oid(facts.number(0, 1)),
            direction: facts.text(0, 2).unwrap_or_default().to_owned(),
            scope: Scope::read(oid(Some(relation)), facts.text(0, 6), facts.is_true(0, 7)),
            columns: read_columns(relation),
            keys: read_keys(relation),
            plans: RefCell::default(),
            reads: RefCell::default(),
            references: OnceCell::new(),
            statements: RefCell::default(),
            single_statements: RefCell::default(),
        })
    }

    /// The statement for `rows` changes of `shape`, prepared at its first use.
    pub(super) fn prepared(&self, shape: &Shape, rows: usize) -> Rc<Prepared> {
        let statements = if rows == 1 {
            &self.single_statements
        } else {
            &self.statements
        };
        if let Some(known) = statements.borrow().get(shape) {
            return Rc::clone(known);
        }
        let Text {
            sql,
            positions,
            scans,
        } = sql::text(self, shape, rows == 1);
        let (values, types) = if rows == 1 {
            let is_bytea =
                |position: &usize| self.column(shape.column_at(*position)).type_name == "bytea";
            let is_bytea: Vec<bool> = positions.iter().map(is_bytea).collect();
            let type_of = |is_bytea: &bool| match is_bytea {
                true => pg_sys::BYTEAOID,
                false => pg_sys::TEXTOID,
            };
            let types = is_bytea.iter().map(type_of).collect();
            (Values::Plain(is_bytea), types)
        } else {
            (Values::Arrays, vec![pg_sys::TEXTARRAYOID; positions.len()])
        };
        let prepared = Rc::new(Prepared {
            statement: Statement::prepare(&sql, &types),
            positions,
            values,
            scans,
        });
        statements
            .borrow_mut()
            .insert(shape.clone(), Rc::clone(&prepared));
        prepared
    }

    /// How changes of `shape` are written without SQL; `None` where that can't be.
    pub(super) fn plan(&self, shape: &Shape) -> Option<Rc<Plan>> {
        if let Some(known) = self.plans.borrow().get(shape) {
            return known.clone();
        }
        let plan = Plan::of(self, shape).map(Rc::new);
        self.plans.borrow_mut().insert(shape.clone(), plan.clone());
        plan
    }

    /// A unique index here that the change tells the old values of, and its columns as indexes into
    /// the shape's.
    pub(super) fn certain_key(&self, shape: &Shape) -> Option<(pg_sys::Oid, Vec<usize>)> {
        let in_key = |name: &String| {
            let mut of_key = shape.key.iter().copied();
            of_key.find(|column| shape.columns[*column] == *name)
        };
        self.keys.iter().find_map(|(index, columns)| {
            let columns = columns.iter().map(in_key).collect::<Option<Vec<usize>>>()?;
            Some((*index, columns))
        })
    }

    /// The columns by which a row is known here; none where no unique key is certain.
    pub(crate) fn row_key(&self) -> Option<&[String]> {
        self.keys.first().map(|(_, columns)| columns.as_slice())
    }

    /// `text`, an expression, as a value of the column. The type is that without its length: the
    /// assignment to the column then refuses what is too long, where a cast would cut it off.
    pub(crate) fn value_of(&self, column: &str, text: &str) -> String {
        let column = self.column(column);
        let type_name = &column.type_name;
        if column.needs_input {
            format!("officesync.input({text}, NULL::{type_name}[])")
        } else {
            format!("{text}::{type_name}")
        }
    }

    /// Without ONLY, which INSERT does not know.
    pub(crate) fn plain_name(&self) -> &str {
        self.name.strip_prefix("ONLY ").unwrap_or(&self.name)
    }

    /// The column of that name, or an error that says what to do.
    pub(crate) fn column(&self, name: &str) -> &Column {
        self.columns.get(name).unwrap_or_else(|| {
            refuse(
                PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN,
                format!(
                    "table {} has no column {} that could be written",
                    self.plain_name(),
                    sql::quote(name)
                ),
                "A change of it arrived from another office.",
                "Give the table the same columns at all offices, then run officesync.retry().",
            )
        })
    }
}

impl Column {
    /// How its values are hashed where they are part of a key.
    pub(crate) fn hashing(&self) -> &Hashing {
        self.hashing
            .get_or_init(|| Hashing::of(self.type_id, self.modifier, self.collation))
    }

    /// Whether its values are read as bytes and not as their text, where nothing is cast.
    pub(crate) fn is_bytes(&self) -> bool {
        self.type_id == pg_sys::BYTEAOID
    }

    /// Whether its order depends on a collation.
    pub(crate) fn has_collation(&self) -> bool {
        self.collation != pg_sys::InvalidOid
    }

    pub(crate) fn type_name(&self) -> &str {
        &self.type_name
    }

    /// How its values are read without SQL.
    pub(super) fn field(&self) -> Field {
        Field {
            index: self.index,
            input: Input::of(self.type_id, self.modifier),
        }
    }
}

fn read_columns(relation: i64) -> HashMap<String, Column> {
    let rows = COLUMNS.with(|columns| columns.statement().rows(&[Parameter::Int8(relation)], 0));
    (0..rows.len())
        .filter_map(|row| {
            let column = Column {
                index: rows.number(row, 1)? as usize - 1,
                type_id: pg_sys::Oid::from(rows.number(row, 2)? as u32),
                modifier: rows.number(row, 3)? as i32,
                type_name: rows.text(row, 4)?.into(),
                needs_input: rows.is_true(row, 5),
                identity_always: rows.is_true(row, 6),
                equals: rows.text(row, 7)?.into(),
                leads_index: rows.is_true(row, 8),
                collation: pg_sys::Oid::from(rows.number(row, 9)? as u32),
                hashing: OnceCell::new(),
            };
            Some((rows.text(row, 0)?.into(), column))
        })
        .collect()
}

fn read_keys(relation: i64) -> Vec<(pg_sys::Oid, Vec<String>)> {
    let rows = KEYS.with(|keys| keys.statement().rows(&[Parameter::Int8(relation)], 0));
    let mut keys: Vec<(pg_sys::Oid, Vec<String>)> = Vec::new();
    for row in 0..rows.len() {
        let index = pg_sys::Oid::from(rows.number(row, 0).unwrap_or_default() as u32);
        let column = rows.text(row, 1).unwrap_or_default().to_owned();
        match keys.last_mut() {
            Some((last, columns)) if *last == index => columns.push(column),
            _ => keys.push((index, vec![column])),
        }
    }
    keys
}

impl Prepared {
    /// Writes the rows `from..to` of `batch`; tells how many rows of the table that changed.
    pub(super) fn write(&self, batch: &Batch, from: usize, to: usize) -> u64 {
        let parameters = self.parameters(batch, from, to);
        if self.scans {
            // The functions of apply switch these off, so that keys are looked up in their index.
            settings::scoped(
                &[(c"enable_hashjoin", c"on"), (c"enable_mergejoin", c"on")],
                || self.statement.run(&parameters),
            )
        } else {
            self.statement.run(&parameters)
        }
    }

    fn parameters<'a>(&self, batch: &'a Batch, from: usize, to: usize) -> Vec<Parameter<'a>> {
        let positions = self.positions.iter();
        match &self.values {
            Values::Arrays => positions
                .map(|position| Parameter::Built(text_array(batch.values(*position, from, to))))
                .collect(),
            Values::Plain(is_bytea) => positions
                .zip(is_bytea)
                .map(|(position, is_bytea)| {
                    match batch.values(*position, from, to).next().flatten() {
                        None => Parameter::Null,
                        Some(text) if *is_bytea => Parameter::Built(bytea::read(text)),
                        Some(text) => Parameter::Text(text),
                    }
                })
                .collect(),
        }
    }
}
