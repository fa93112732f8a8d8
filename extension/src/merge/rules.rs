//! What the owner of a table has asked for: `officesync.policy`, as the merge takes it.

use crate::apply::target::Target;
use crate::pg::catalog::{self, Fresh};
use crate::pg::spi::{self, Fixed, Parameter};
use officesync_wire::Op;
use officesync_wire::merge::{DeletePolicy, Granularity, Policy, RowPolicy, Rules};
use pgrx::pg_sys::{Oid, TEXTOID};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

thread_local! {
    static KNOWN: RefCell<Fresh<HashMap<Oid, Rc<TableRules>>>> = RefCell::default();
    static POLICIES: Fixed = const {
        Fixed::new(
            "SELECT column_name, policy, merge_columns, on_delete FROM officesync.policy
             WHERE schema_name = $1 AND table_name = $2",
            &[TEXTOID, TEXTOID],
        )
    };
}

/// The rules of one table.
pub(super) struct TableRules {
    table: Policy,
    columns: HashMap<String, Policy>,
    merge_columns: bool,
    delete: DeletePolicy,
    /// The user's own function, schema-qualified and quoted, that decides instead.
    pub(super) function: Option<String>,
}

/// The rules of a table; read once, and again when its catalogue entry changes (`set_policy` says so).
pub(super) fn of(target: &Target) -> Rc<TableRules> {
    let known = catalog::kept_or_read(
        &KNOWN,
        |known| known.get(&target.relation).cloned(),
        || Some(Rc::new(TableRules::read(target))),
        |known, rules| {
            known.insert(target.relation, rules);
        },
    );
    known.unwrap_or_else(|| Rc::new(TableRules::read(target)))
}

impl TableRules {
    fn read(target: &Target) -> Self {
        let parameters = [
            Parameter::Text(&target.schema),
            Parameter::Text(&target.table),
        ];
        let rows = spi::connected(|| POLICIES.with(|all| all.statement().rows(&parameters, 0)));
        let mut rules = Self {
            table: Policy::default(),
            columns: HashMap::new(),
            merge_columns: true,
            delete: DeletePolicy::default(),
            function: None,
        };
        for row in 0..rows.len() {
            let policy = rows.text(row, 1).unwrap_or_default();
            match rows.text(row, 0) {
                Some("") | None => {
                    rules.merge_columns = rows.is_true(row, 2);
                    rules.delete = delete_policy(rows.text(row, 3).unwrap_or_default());
                    match policy.strip_prefix("function ") {
                        Some(function) => rules.function = Some(function.to_owned()),
                        None => rules.table = named(policy),
                    }
                }
                Some(column) => {
                    rules.columns.insert(column.to_owned(), named(policy));
                }
            }
        }
        rules
    }

    /// What decides between a row and a deletion, where the table's policy does not.
    pub(super) fn delete(&self) -> DeletePolicy {
        self.delete
    }

    /// One policy a column.
    pub(super) fn columns(&self, columns: &[&str]) -> Vec<Policy> {
        let of = |column: &&str| self.columns.get(*column).copied().unwrap_or(self.table);
        columns.iter().map(of).collect()
    }

    /// For a change of that kind: where the table as a whole is one side's, so is a row that one side
    /// deleted.
    pub(super) fn rules<'a>(&self, columns: &'a [Policy], op: Op) -> Rules<'a> {
        let granularity = match (self.merge_columns, self.table) {
            (true, _) => Granularity::Columns,
            (false, Policy::HeadWins) => Granularity::Rows(RowPolicy::HeadWins),
            (false, Policy::BranchWins) => Granularity::Rows(RowPolicy::BranchWins),
            (false, Policy::Park) => Granularity::Rows(RowPolicy::Park),
            (false, _) => Granularity::Rows(RowPolicy::LastUpdateWins),
        };
        let delete = match (self.delete, self.table, op) {
            (DeletePolicy::LaterWins, Policy::HeadWins, Op::Delete)
            | (DeletePolicy::LaterWins, Policy::BranchWins, Op::Update) => DeletePolicy::UpdateWins,
            (DeletePolicy::LaterWins, Policy::HeadWins, _)
            | (DeletePolicy::LaterWins, Policy::BranchWins, _) => DeletePolicy::DeleteWins,
            (DeletePolicy::LaterWins, Policy::Park, _) => DeletePolicy::Park,
            (delete, ..) => delete,
        };
        Rules {
            columns,
            granularity,
            delete,
        }
    }
}

/// A policy by its name in SQL.
fn named(name: &str) -> Policy {
    let named = Policy::ALL.into_iter().find(|policy| policy.name() == name);
    named.unwrap_or_default()
}

fn delete_policy(name: &str) -> DeletePolicy {
    let mut all = DeletePolicy::ALL.into_iter();
    all.find(|policy| policy.name() == name).unwrap_or_default()
}
