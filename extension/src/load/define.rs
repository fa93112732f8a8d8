//! The statements that make tables, run one by one.

use crate::pg::spi::{self, Statement};
use crate::pg::{definition, user};
use crate::refuse::refuse;
use pgrx::prelude::*;

/// `officesync.run_definition(statement)`; see `sql/functions/load/define.sql`.
#[pg_extern(sql = false)]
fn run_definition(statement: &str) {
    if let Err(what) = definition::check(statement) {
        refuse(
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            format!("the head sent a statement that makes no table: {what}"),
            statement,
            "Is the head of a newer version? Upgrade this office.",
        )
    }
    user::acting_as(user::owner_of_database(), || {
        spi::connected(|| Statement::prepare(statement, &[]).run(&[]));
    });
}
