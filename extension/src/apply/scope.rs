//! At the head: to which office a row of a scoped table belongs, and what a branch may write.
//!
//! Nothing is taken on trust: a branch's own triggers refuse what is not its own, so a message with such rows was made
//! by somebody else, or by a branch that was tampered with. It goes to the quarantine.

use super::schema;
use super::target::{self, Target};
use crate::capture::scope::is_office;
use crate::merge::locks::Sides;
use crate::merge::unseen;
use crate::office::{self, Role};
use crate::pg::spi::{self, Fixed, Parameter, Statement};
use crate::pg::{settings, user};
use crate::refuse::refuse;
use officesync_wire::decode::{RowGroup, Value};
use officesync_wire::encode;
use officesync_wire::merge::Key;
use pgrx::PgSqlErrorCode;
use pgrx::pg_sys::{INT8OID, Oid, TEXTOID};
use std::cell::OnceCell;

thread_local! {
    static CONDITION: Fixed = const {
        Fixed::new(
            "SELECT officesync.scope_condition($1::oid::regclass, $2)",
            &[INT8OID, TEXTOID],
        )
    };
    static QUERY: Fixed = const {
        Fixed::new(
            "SELECT n.nspname, c.relname, array_to_string(q.columns, chr(10)),
                    array_to_string(q.parent_columns, chr(10)), q.query
             FROM officesync.scope_query($1::oid::regclass) q
             JOIN pg_class c ON c.oid = q.parent JOIN pg_namespace n ON n.oid = c.relnamespace",
            &[INT8OID],
        )
    };
}

/// How the rows of a table are shared out.
pub(crate) enum Scope {
    /// By the office that this column names.
    Column(String),
    /// By the row that they refer to; at the head.
    Path(Path),
    /// The same at a branch, where all rows are its own, but while it is adopted; the path is read only then.
    Own(OnceCell<Option<Path>>),
}

/// The foreign key that tells to which office a row belongs.
pub(crate) struct Path {
    /// Its columns, and those that they refer to.
    columns: Vec<String>,
    parent_columns: Vec<String>,
    /// Schema and name of the table it refers to.
    parent: (String, String),
    query: Statement,
}

/// To whom a row belongs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The table is not scoped: everybody.
    All,
    Office(String),
    /// The row stays at the head.
    Nobody,
    /// The row that it refers to is not there.
    Orphan,
}

impl Owner {
    /// Whether the office gets such a row.
    pub(crate) fn includes(&self, office: &str) -> bool {
        match self {
            // What becomes of a child without its parent is not decided by this.
            Self::All | Self::Orphan => true,
            Self::Office(name) => name == office,
            Self::Nobody => false,
        }
    }
}

/// To whom a row belongs that has these texts in these columns.
pub(crate) fn owner(target: &Target, columns: &[&str], row: &[Option<&str>]) -> Owner {
    match &target.scope {
        None | Some(Scope::Own(_)) => Owner::All,
        Some(Scope::Column(name)) => named(value_of(columns, row, name)),
        Some(Scope::Path(path)) => path.owner_of(columns, row),
    }
}

/// At a branch: whether a row that is here is its own. One that is adopted may have brought rows of others.
pub(crate) fn is_of_here(target: &Target, columns: &[&str], row: &[Option<&str>]) -> bool {
    let owner = match &target.scope {
        Some(Scope::Own(path)) => {
            let path = path.get_or_init(|| spi::connected(|| Path::read(target.relation)));
            let owner = path.as_ref().map(|path| path.owner_of(columns, row));
            owner.unwrap_or(Owner::All)
        }
        _ => owner(target, columns, row),
    };
    owner.includes(&office::this().name)
}

/// A condition on the rows (alias t) that a branch gets of a table; None where it gets all of them.
pub(crate) fn condition(target: &Target, branch: &str) -> Option<String> {
    let parameters = [
        Parameter::Int8(i64::from(target.relation.to_u32())),
        Parameter::Text(branch),
    ];
    let rows = spi::connected(|| CONDITION.with(|one| one.statement().rows(&parameters, 1)));
    rows.text(0, 0).map(str::to_owned)
}

fn is_head(name: &str) -> bool {
    let here = office::this();
    here.role == Role::Head && here.name == name
}

fn named(office: Option<&str>) -> Owner {
    match office {
        Some(office) if is_office(office) && !is_head(office) => Owner::Office(office.to_owned()),
        _ => Owner::Nobody,
    }
}

fn value_of<'a>(columns: &[&str], row: &[Option<&'a str>], name: &str) -> Option<&'a str> {
    let place = columns.iter().position(|column| *column == name)?;
    *row.get(place)?
}

impl Path {
    fn read(relation: Oid) -> Option<Self> {
        let parameters = [Parameter::Int8(i64::from(relation.to_u32()))];
        let rows = QUERY.with(|query| query.statement().rows(&parameters, 1));
        let names = |column| -> Option<Vec<String>> {
            Some(
                rows.text(0, column)?
                    .split('\n')
                    .map(str::to_owned)
                    .collect(),
            )
        };
        let sql = rows.text(0, 4)?;
        let path = [(c"search_path", c"pg_catalog, pg_temp")];
        Some(Self {
            parent: (rows.text(0, 0)?.to_owned(), rows.text(0, 1)?.to_owned()),
            columns: names(2)?,
            parent_columns: names(3)?,
            query: settings::scoped(&path, || Statement::prepare(sql, &[TEXTOID])),
        })
    }

    /// The values of the foreign key as a JSON array; None where one is NULL.
    fn key(&self, columns: &[&str], row: &[Option<&str>]) -> Option<String> {
        let mut key = vec![encode::ROW_START];
        for (nth, name) in self.columns.iter().enumerate() {
            if nth > 0 {
                key.push(encode::SEPARATOR);
            }
            encode::string(&mut key, value_of(columns, row, name)?.as_bytes());
        }
        key.push(encode::ROW_END);
        String::from_utf8(key).ok()
    }

    fn owner_of(&self, columns: &[&str], row: &[Option<&str>]) -> Owner {
        match self.key(columns, row) {
            None => Owner::Nobody,
            Some(key) => user::acting_as(user::FOUNDER, || spi::connected(|| self.owner(&key))),
        }
    }

    fn owner(&self, key: &str) -> Owner {
        let rows = self.query.newest_rows(&[Parameter::Text(key)], 1);
        match rows.len() {
            0 => Owner::Orphan,
            _ => named(rows.text(0, 0)),
        }
    }

    /// The row that these texts refer to, as it is known in the log.
    pub(crate) fn parent_key(&self, columns: &[&str], row: &[Option<&str>]) -> Option<Key> {
        let parent = target::find_tracked(&self.parent.0, &self.parent.1)?;
        let names: Vec<&str> = self.parent_columns.iter().map(String::as_str).collect();
        let values = self.columns.iter().map(|name| value_of(columns, row, name));
        let values: Vec<Option<String>> = values.map(|text| text.map(str::to_owned)).collect();
        unseen::key_of(&parent, &names, &values)
    }
}

impl Scope {
    /// Of a table that is tracked with this column, or a path.
    pub(super) fn read(relation: Oid, column: Option<&str>, has_path: bool) -> Option<Self> {
        match (column, has_path) {
            (Some(column), _) => Some(Self::Column(column.to_owned())),
            (None, false) => None,
            (None, true) if office::this().role == Role::Branch => Some(Self::Own(OnceCell::new())),
            // A path that leads nowhere: nobody gets anything.
            (None, true) => {
                Some(Path::read(relation).map_or(Self::Column(String::new()), Self::Path))
            }
        }
    }
}

/// Whether the rows of a branch's tick, as far as it tells without looking at others, are the branch's own. False: they
/// may not be, by the rows they refer to, and have to be looked at one by one. An error where they are not, for good.
pub(crate) fn is_own(target: &Target, group: &RowGroup<'_>, sender: &str) -> bool {
    match &target.scope {
        None | Some(Scope::Own(_)) => true,
        Some(Scope::Column(name)) => {
            check_column(target, group, sender, name);
            true
        }
        Some(Scope::Path(path)) => {
            let columns: Vec<&str> = group.columns.iter().map(|name| &**name).collect();
            // Most changes leave the reference alone: its old values are its new ones.
            let moves = path.columns.iter().any(|name| {
                let mut changed = group.changed.iter();
                changed.any(|place| group.columns[*place] == *name)
            });
            group.rows().all(|row| {
                let sides = Sides::of(group, row);
                let is_its = |side: &Option<Vec<Option<&str>>>| {
                    side.as_deref()
                        .is_none_or(|texts| owner(target, &columns, texts).includes(sender))
                };
                is_its(&sides.new) && (sides.new.is_some() && !moves || is_its(&sides.old))
            })
        }
    }
}

/// Refuses a row that was sent with a parent of another office.
pub(crate) fn forbid_parent(target: &Target, sender: &str) -> ! {
    forbid(target, sender, "refers to a row of another office")
}

/// Refuses rows of a branch's tick that are not its own, for good.
fn check_column(target: &Target, group: &RowGroup<'_>, sender: &str, name: &str) {
    let place = group.columns.iter().position(|column| *column == name);
    let Some(place) = place else {
        forbid(target, sender, "does not say to whom its rows belong");
    };
    let is_own =
        |value: Option<&Value<'_>>| value.is_some_and(|text| text.as_deref() == Some(sender));
    for row in group.rows() {
        if !is_own(row.get(place)) {
            forbid(target, sender, "has a row of another office");
        }
        if group.changed.contains(&place) && !is_own(group.old_value(row, place)) {
            forbid(target, sender, "takes a row from another office");
        }
    }
}

/// Refuses a branch's TRUNCATE of a table of which it has its own rows only.
pub(crate) fn check_truncate(target: &Target, sender: &str) {
    if target.scope.is_some() {
        forbid(target, sender, "empties it everywhere");
    }
}

fn forbid(target: &Target, sender: &str, what: &str) -> ! {
    let table = target.plain_name();
    let reason = format!("a change of table {table} by office \"{sender}\" {what}");
    schema::forbid(&reason);
    refuse(
        PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
        reason,
        "A branch may write its own rows only.",
        "Look at officesync.quarantine.",
    )
}
