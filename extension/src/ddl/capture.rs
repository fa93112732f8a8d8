//! A user's schema change: at the head -> a group of the buffer, at a branch an error.
//!
//! Called around each utility statement that is not part of another one, and before anything else looks at it.
//! What it is about is found before it runs, when what it drops is still there; it is written down after it ran,
//! behind the rows that it took out of the table and with what the table needs since.

use super::execute::{self, Subject, allowed_kinds, subject};
use super::history;
use crate::office::{self, Role};
use crate::pg::parse::Parsed;
use crate::pg::spi::{self, Fixed, Parameter};
use crate::pg::{catalog, settings, user, xact};
use crate::refuse::refuse;
use crate::transaction::{self, Author};
use officesync_wire::encode::{self, Ddl, Tracked};
use pgrx::pg_sys::{INT8OID, Oid, TEXTOID};
use pgrx::prelude::*;

thread_local! {
    /// A branch that does not know its head yet, or a head without branches, may still be set up.
    static IS_MEMBER: Fixed = const { Fixed::new("SELECT EXISTS (SELECT FROM officesync.peer)", &[]) };
    static NEEDS: Fixed = const {
        Fixed::new(
            "SELECT d.statement FROM officesync.needed_definitions($1::oid, $2::jsonb) d",
            &[INT8OID, TEXTOID],
        )
    };
    static TAKEN: Fixed = const {
        Fixed::new("SELECT d.statement FROM officesync.dropped_since($1::jsonb) d", &[TEXTOID])
    };
    static REQUIRE_SCOPES: Fixed = const { Fixed::new("SELECT officesync.require_scopes()", &[]) };
    static WARN: Fixed = const {
        Fixed::new("SELECT officesync.warn_of_functions($1::oid)", &[INT8OID])
    };
    static FILLED: Fixed = const {
        Fixed::new("SELECT officesync.capture_filled($1::oid, $2::jsonb)", &[INT8OID, TEXTOID])
    };
}

/// A statement that runs and is to be written down.
pub(crate) struct Watched {
    /// The tracked table that it is about, and its name.
    table: Option<(Oid, (String, String))>,
    text: String,
    search_path: Vec<String>,
    settings: Vec<(&'static str, String)>,
    before: String,
    /// Columns whose new type's values come from an expression.
    computed: Vec<String>,
    how: How,
}

enum How {
    /// Its text goes out when it has run.
    Text,
    /// It went out before: the rows that it brings come behind it.
    Written,
    /// What it took away goes out, as statements of their own.
    Drops,
}

/// Looks at a statement before it runs; an error where this office may not change its schema so.
pub(crate) fn begin(statement: Parsed, text: impl FnOnce() -> String) -> Option<Watched> {
    let kinds = statement.kinds();
    let drops = statement.takes_away();
    if kinds.is_empty() && !drops || execute::is_running() || !is_watched() {
        return None;
    }
    let objects = statement.objects();
    let subjects: Vec<Subject> = as_ourselves(|| {
        let subjects = objects.into_iter().filter_map(subject);
        subjects.filter(|one| one.tracked.is_some()).collect()
    });
    if subjects.is_empty() && !drops {
        return None;
    }
    let table = subjects.first().and_then(|subject| subject.tracked);
    let table = table.map(|table| (table, catalog::name_of(table)));
    if office::this().role == Role::Branch {
        if let Some((_, (schema, name))) = &table
            && !kinds.iter().all(|kind| kind.is_free_at_branches())
            && as_ourselves(is_member)
        {
            refuse_here(schema, name);
        }
        return None;
    }
    if !as_ourselves(is_member) {
        return None;
    }
    let travels = as_ourselves(allowed_kinds);
    if !drops
        && !kinds
            .iter()
            .any(|kind| travels.iter().any(|name| name == kind.name()))
    {
        return None;
    }
    // Looked up under the user's own path.
    let unlocked = statement.changes_unlocked();
    as_ourselves(|| execute::lock_users(&unlocked));
    let mut watched = Watched {
        table,
        text: text(),
        search_path: settings::search_path(),
        settings: settings::unusual(&execute::SETTINGS),
        before: as_ourselves(history::shapes),
        computed: statement.computed_columns(),
        how: if drops { How::Drops } else { How::Text },
    };
    if statement.attaches() {
        watched.write(&watched.text);
        watched.how = How::Written;
    }
    Some(watched)
}

/// Writes a statement down that has run.
pub(crate) fn end(watched: &Watched) {
    // It may have been DROP EXTENSION.
    if catalog::own_relation(c"ddl_kind").is_none() {
        return;
    }
    match watched.how {
        How::Text => {
            let needed = as_ourselves(|| watched.needed());
            for definition in &needed {
                watched.write(definition);
            }
            watched.write(&watched.text);
        }
        How::Written => {}
        How::Drops => {
            for statement in
                as_ourselves(|| statements(&TAKEN, &[Parameter::Text(&watched.before)]))
            {
                watched.write(&statement);
            }
        }
    }
    as_ourselves(|| {
        spi::connected(|| REQUIRE_SCOPES.with(|all| all.statement().run(&[])));
        history::record(&watched.before, None, &watched.computed);
        if let Some((table, _)) = &watched.table {
            let parameters = [
                Parameter::Int8(i64::from(table.to_u32())),
                Parameter::Text(&watched.before),
            ];
            spi::connected(|| FILLED.with(|filled| filled.statement().run(&parameters)));
            spi::connected(|| WARN.with(|warn| warn.statement().run(&parameters[..1])));
        }
    });
}

impl Watched {
    fn write(&self, statement: &str) {
        let path: Vec<&str> = self.search_path.iter().map(String::as_str).collect();
        let settings: Vec<(&str, &str)> = self
            .settings
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let table = self.table.as_ref();
        let ddl = Ddl {
            table: table.map(|(_, (schema, name))| (schema.as_str(), name.as_str())),
            statement,
            search_path: &path,
            settings: &settings,
        };
        transaction::with_buffer(|buffer| {
            buffer.group(xact::nest_level(), |out| encode::ddl_group(out, &ddl));
        });
    }

    /// What the table needs since, and did not before.
    fn needed(&self) -> Vec<String> {
        let Some((table, _)) = &self.table else {
            return Vec::new();
        };
        let parameters = [
            Parameter::Int8(i64::from(table.to_u32())),
            Parameter::Text(&self.before),
        ];
        statements(&NEEDS, &parameters)
    }
}

/// `officesync.capture_tracking(schema, table, direction, branch_column, branch_path)`: at the head: tells the
/// branches; without a direction that it is tracked no longer.
#[pg_extern(sql = false)]
fn capture_tracking(
    schema: &str,
    table: &str,
    direction: Option<&str>,
    branch_column: Option<&str>,
    branch_path: Option<&str>,
) {
    if !is_user_of_head() {
        return;
    }
    let tracked = direction.map(|direction| Tracked {
        direction,
        branch_column,
        branch_path,
    });
    transaction::with_buffer(|buffer| {
        buffer.group(xact::nest_level(), |out| {
            encode::tracking_group(out, schema, table, tracked);
        });
    });
}

/// `officesync.capture_definition(schema, table, statement)`: at the head: a statement that makes a table, or what
/// it needs, for the branches.
#[pg_extern(sql = false)]
fn capture_definition(schema: &str, table: &str, statement: &str) {
    if !is_user_of_head() {
        return;
    }
    let ddl = Ddl {
        table: Some((schema, table)),
        statement,
        search_path: &[],
        settings: &[],
    };
    transaction::with_buffer(|buffer| {
        buffer.group(xact::nest_level(), |out| encode::ddl_group(out, &ddl));
    });
}

fn is_user_of_head() -> bool {
    office::this().role == Role::Head
        && !settings::is_replica()
        && transaction::with_author(|author| matches!(author, Author::User))
}

/// Whether schema changes of this session are looked at at all.
fn is_watched() -> bool {
    !settings::is_replica()
        && !settings::is_creating_extension()
        && transaction::with_author(|author| matches!(author, Author::User))
        && catalog::own_relation(c"ddl_kind").is_some()
        && office::is_known()
}

fn is_member() -> bool {
    let rows = spi::connected(|| IS_MEMBER.with(|all| all.statement().rows(&[], 1)));
    rows.is_true(0, 0)
}

fn statements(
    query: &'static std::thread::LocalKey<Fixed>,
    parameters: &[Parameter<'_>],
) -> Vec<String> {
    let rows = spi::connected(|| query.with(|query| query.statement().rows(parameters, 0)));
    (0..rows.len())
        .filter_map(|row| rows.text(row, 0).map(str::to_owned))
        .collect()
}

/// Runs `work` with our own rights and names, whoever the user is and whatever the path.
fn as_ourselves<R>(work: impl FnOnce() -> R) -> R {
    settings::scoped(&[(c"search_path", c"pg_catalog, pg_temp")], || {
        user::acting_as(user::FOUNDER, work)
    })
}

fn refuse_here(schema: &str, table: &str) -> ! {
    let here = office::this();
    refuse(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("the schema of table \"{schema}.{table}\" is authored at the head office"),
        &format!(
            "This is the office \"{}\". Indexes, triggers, privileges and row security may differ here.",
            here.name
        ),
        "Run the statement at the head; it will arrive here. A superuser who has to differ uses SET session_replication_role = replica, and officesync.check() tells the difference.",
    )
}

/// A statement that began before this library was loaded, and so was not seen whole.
pub(crate) fn unseen(statement: Parsed) {
    let watched = begin(statement, String::new);
    if watched.is_some() {
        refuse(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "this session does not have officesync loaded, so that its schema change could not travel".into(),
            "It connected before the extension was created, or its role has a session_preload_libraries of its own.",
            "Connect again; SELECT * FROM officesync.check() tells what is wrong with the settings.",
        );
    }
}
