//! Running a statement that the head wrote.
//!
//! Trusts nothing in it: it is parsed, has to be one statement of kinds that are allowed here, may only touch
//! tracked tables and what belongs to them (or make something new), and has the rights of the owner and no more.
//! What is done already is left alone.

use crate::ddl::kind::Kind;
use crate::pg::parse::{self, Object, Parsed};
use crate::pg::spi::{self, Fixed, Parameter};
use crate::pg::{settings, user};
use crate::refuse::refuse;
use officesync_wire::decode::Ddl;
use pgrx::pg_sys::{INT8OID, Oid};
use pgrx::prelude::*;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::ffi::CString;
use std::thread::LocalKey;

thread_local! {
    static SUBJECT: Fixed = const {
        Fixed::new(
            "SELECT s.tracked::oid::bigint, s.owner::bigint, s.partitioned
             FROM officesync.ddl_subject($1::oid, $2::oid) s",
            &[INT8OID, INT8OID],
        )
    };
    static KINDS: Fixed = const {
        Fixed::new("SELECT kind FROM officesync.ddl_kind WHERE travels", &[])
    };
    static LABEL: Fixed = const {
        Fixed::new(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_enum WHERE enumtypid = $1::oid AND enumlabel = $2)",
            &[INT8OID, pg_sys::TEXTOID],
        )
    };
    static FOUNDER: Fixed = const {
        Fixed::new(
            "SELECT datdba::bigint FROM pg_database WHERE datname = current_database()",
            &[],
        )
    };
    static COVER: Fixed = const {
        Fixed::new("SELECT officesync.forget_missing(), officesync.cover_new_partitions()", &[])
    };
    static LOCK: Fixed = const {
        Fixed::new("SELECT officesync.lock_users($1::oid, $2::oid)", &[INT8OID, INT8OID])
    };
    static SCHEMAS: Fixed = const {
        Fixed::new(
            "SELECT n.nspname, quote_ident(n.nspname) FROM pg_namespace n WHERE n.nspname = $1",
            &[pg_sys::TEXTOID],
        )
    };
    /// What statements made in this transaction: it may be completed before it is tracked.
    static MADE: RefCell<Vec<Object>> = const { RefCell::new(Vec::new()) };
    /// What they would have made and was here already: it stays as it is, also what they would add to it.
    static FOUND: RefCell<Vec<Object>> = const { RefCell::new(Vec::new()) };
    static RUNNING: Cell<bool> = const { Cell::new(false) };
}

/// Settings that a statement may bring along: those that change what its text means.
pub(crate) const SETTINGS: [&str; 6] = [
    "DateStyle",
    "IntervalStyle",
    "TimeZone",
    "extra_float_digits",
    "bytea_output",
    "standard_conforming_strings",
];

/// What an object belongs to.
#[derive(Clone, Copy)]
pub(crate) struct Subject {
    /// The tracked table.
    pub(crate) tracked: Option<Oid>,
    pub(crate) owner: Oid,
    partitioned: bool,
}

/// `officesync.run_ddl(...)`; see `sql/functions/ddl/run_ddl.sql`.
#[pg_extern(sql = false)]
fn run_ddl(statement: &str, search_path: Vec<Option<String>>) {
    let ddl = Ddl {
        statement: statement.into(),
        search_path: search_path.into_iter().flatten().map(Cow::Owned).collect(),
        ..Ddl::default()
    };
    execute(&ddl);
}

/// Whether a statement of the head is being run: it is neither captured nor refused.
pub(crate) fn is_running() -> bool {
    RUNNING.get()
}

/// The table that was being defined is tracked: what comes now is about it as it is.
pub(crate) fn end_definitions() {
    FOUND.with_borrow_mut(Vec::clear);
}

/// Whether tables are being defined of which some were here.
fn is_defining() -> bool {
    FOUND.with_borrow(|all| !all.is_empty())
}

/// The transaction is over.
pub(crate) fn forget() {
    MADE.with_borrow_mut(Vec::clear);
    FOUND.with_borrow_mut(Vec::clear);
    RUNNING.set(false);
}

/// Runs one statement of the head. An error that says why where it may not run.
pub(crate) fn execute(ddl: &Ddl<'_>) {
    let path = search_path(&ddl.search_path);
    let mut pinned = vec![("search_path", path.as_str())];
    for (name, value) in &ddl.settings {
        let known = SETTINGS.iter().find(|known| **known == name.as_ref());
        let Some(known) = known else {
            not_allowed(ddl, &format!("it brings the setting \"{name}\" along"));
        };
        pinned.push((known, value));
    }
    with_settings(&pinned, || {
        let parsed = parse::one(&ddl.statement).unwrap_or_else(|count| {
            not_allowed(ddl, &format!("it is {count} statements where one was due"))
        });
        let kinds = parsed.kinds();
        let allowed = allowed_kinds();
        let is_allowed = |kind: Kind| allowed.iter().any(|name| name == kind.name());
        if kinds.is_empty() || !kinds.iter().any(|kind| is_allowed(*kind)) {
            let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
            match names.as_slice() {
                [] => not_allowed(ddl, "it is of no kind that ever does"),
                _ => not_allowed(ddl, &format!("its kind is \"{}\"", names.join(", "))),
            }
        }
        let parsed = parsed.instead();
        if let Some(owner) = owner_of(ddl, parsed) {
            parsed.soften();
            // What is left of it is of kinds that may run.
            if parsed.keep_kinds(is_allowed) && !is_there(parsed) {
                run(parsed, &ddl.statement, owner);
            }
        }
    });
}

/// Whether it adds a label to an enum that is here and does not have it.
pub(crate) fn new_label(ddl: &Ddl<'_>) -> bool {
    if !ddl.statement.to_ascii_lowercase().contains("value") {
        return false;
    }
    let path = search_path(&ddl.search_path);
    with_settings(&[("search_path", path.as_str())], || {
        let label = parse::one(&ddl.statement).ok().and_then(Parsed::new_label);
        label.is_some_and(|(object, label)| {
            let parameters = [
                Parameter::Int8(i64::from(object.id.to_u32())),
                Parameter::Text(&label),
            ];
            let rows = spi::connected(|| LABEL.with(|all| all.statement().rows(&parameters, 1)));
            !rows.is_true(0, 0)
        })
    })
}

/// Runs `work` with names looked up in that path.
pub(crate) fn under<R>(search_path: &str, work: impl FnOnce() -> R) -> R {
    with_settings(&[("search_path", search_path)], work)
}

/// With whose rights it runs; none where there is nothing to do.
fn owner_of(ddl: &Ddl<'_>, parsed: Parsed) -> Option<Oid> {
    let may_touch = |object: Object| {
        subject(object).is_some_and(|subject| subject.tracked.is_some()) || is_made(object)
    };
    if parsed.is_drop() && !parsed.keep_dropped(may_touch) {
        return None;
    }
    let objects = parsed.objects();
    // What defines a table that is here already has nothing to do, however that is partitioned.
    let is_part_of_found =
        objects.is_empty() && is_defining() && parsed.kinds() == [Kind::Partition];
    if is_part_of_found || objects.iter().any(|object| is_found(*object)) {
        return None;
    }
    if objects.is_empty() {
        if parsed.is_creation() {
            return Some(founder());
        }
        refuse(
            PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT,
            format!(
                "a schema change of the head is about something that is not here: {}",
                shortened(&ddl.statement)
            ),
            "The objects of this office differ from the head's.",
            "Make them as they are at the head (SET session_replication_role = replica keeps the change here), then run officesync.retry().",
        );
    }
    if !objects.iter().all(|object| may_touch(*object)) {
        not_allowed(
            ddl,
            "it is about something that belongs to no tracked table",
        );
    }
    let first = subject(*objects.first()?)?;
    // The offices may be partitioned differently, or not at all.
    if parsed.kinds() == [Kind::Partition] && !first.partitioned || parsed.detaches_nothing() {
        return None;
    }
    Some(first.owner)
}

/// Waits for those who write to tables that use one of `objects`: they commit before it changes.
pub(super) fn lock_users(objects: &[Object]) {
    for object in objects {
        let parameters = [
            Parameter::Int8(i64::from(object.class.to_u32())),
            Parameter::Int8(i64::from(object.id.to_u32())),
        ];
        spi::connected(|| LOCK.with(|lock| lock.statement().run(&parameters)));
    }
}

fn run(parsed: Parsed, text: &str, owner: Oid) {
    lock_users(&parsed.changes_unlocked());
    let found = parsed.made();
    let before = RUNNING.replace(true);
    user::acting_as(owner, || parsed.run(text));
    RUNNING.set(before);
    match (found, parsed.made()) {
        (Some(found), _) => FOUND.with_borrow_mut(|all| all.push(found)),
        (None, Some(made)) => MADE.with_borrow_mut(|all| all.push(made)),
        (None, None) => {}
    }
    spi::connected(|| COVER.with(|cover| cover.statement().run(&[])));
}

/// Whether what it would make is there already; for what knows no IF NOT EXISTS.
fn is_there(parsed: Parsed) -> bool {
    parsed.kinds() == [Kind::Type] && parsed.is_creation() && parsed.made().is_some()
}

/// Whether that, or the table of that index, was made in this transaction.
fn is_made(object: Object) -> bool {
    is_among(&MADE, object)
}

fn is_found(object: Object) -> bool {
    is_among(&FOUND, object)
}

fn is_among(all: &'static LocalKey<RefCell<Vec<Object>>>, object: Object) -> bool {
    all.with_borrow(|all| {
        all.contains(&object) || object.parent().is_some_and(|parent| all.contains(&parent))
    })
}

/// What that object belongs to, and who owns it.
pub(crate) fn subject(object: Object) -> Option<Subject> {
    let parameters = [
        Parameter::Int8(i64::from(object.class.to_u32())),
        Parameter::Int8(i64::from(object.id.to_u32())),
    ];
    let rows = spi::connected(|| SUBJECT.with(|subject| subject.statement().rows(&parameters, 1)));
    let oid = |number: i64| Oid::from(number as u32);
    Some(Subject {
        tracked: rows.number(0, 0).map(oid),
        owner: oid(rows.number(0, 1)?),
        partitioned: rows.is_true(0, 2),
    })
}

/// The kinds that travel, by name.
pub(crate) fn allowed_kinds() -> Vec<String> {
    let rows = spi::connected(|| KINDS.with(|kinds| kinds.statement().rows(&[], 0)));
    (0..rows.len())
        .filter_map(|row| rows.text(row, 0).map(str::to_owned))
        .collect()
}

/// Who owns the database, and what is new in it.
fn founder() -> Oid {
    let rows = spi::connected(|| FOUNDER.with(|founder| founder.statement().rows(&[], 1)));
    Oid::from(rows.number(0, 0).unwrap_or_default() as u32)
}

/// The schemas of the path that are here, quoted; temporary objects come last.
fn search_path(schemas: &[Cow<'_, str>]) -> String {
    let mut quoted = Vec::new();
    for schema in schemas {
        let rows = spi::connected(|| {
            SCHEMAS.with(|all| all.statement().rows(&[Parameter::Text(schema)], 1))
        });
        quoted.extend(rows.text(0, 1).map(str::to_owned));
    }
    quoted.push("pg_temp".into());
    quoted.join(", ")
}

fn with_settings<R>(settings: &[(&str, &str)], work: impl FnOnce() -> R) -> R {
    let owned: Vec<(CString, CString)> = settings
        .iter()
        .filter_map(|(name, value)| Some((CString::new(*name).ok()?, CString::new(*value).ok()?)))
        .collect();
    let pinned: Vec<_> = owned
        .iter()
        .map(|(name, value)| (name.as_c_str(), value.as_c_str()))
        .collect();
    settings::scoped(&pinned, work)
}

fn not_allowed(ddl: &Ddl<'_>, why: &str) -> ! {
    refuse(
        PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
        format!("a schema change may not run here: {why}"),
        &format!("The statement: {}", shortened(&ddl.statement)),
        "Look at officesync.ddl_kind; a kind is allowed with officesync.set_ddl_kind(), then run officesync.retry() or officesync.skip().",
    )
}

/// As much of a statement as an error shows.
pub(crate) fn shortened(statement: &str) -> String {
    const MANY: usize = 200;
    let mut text: String = statement.chars().take(MANY).collect();
    if text.len() < statement.len() {
        text.push_str("...");
    }
    text
}
