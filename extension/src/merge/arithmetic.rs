//! The arithmetic of the columns' types, by PostgreSQL's own operators.

use super::row::Table;
use crate::pg::spi::{self, Parameter, Statement};
use crate::pg::{subxact, user};
use officesync_wire::merge::{NotPossible, Values};
use pgrx::pg_sys::TEXTOID;
use std::cmp::Ordering;

impl Table<'_> {
    /// What an expression over `$1` (ours), `$2` (theirs) and `$3` (base), as values of the column's type,
    /// comes to. With the rights of the table's owner, because operators can be anybody's.
    fn compute(
        &self,
        column: usize,
        expression: &str,
        texts: [Option<&str>; 3],
    ) -> Result<String, NotPossible> {
        let name = self.columns[column];
        let value = |nth: usize| self.target.value_of(name, &format!("${nth}"));
        let sql = format!(
            "SELECT ({expression})::text FROM (SELECT {}, {}, {}) AS v (ours, theirs, base)",
            value(1),
            value(2),
            value(3)
        );
        let parameters = texts.map(|text| text.map_or(Parameter::Null, Parameter::Text));
        let computed = subxact::attempt(|| {
            user::acting_as(self.target.owner, || {
                spi::connected(|| {
                    let statement = Statement::prepare(&sql, &[TEXTOID; 3]);
                    statement.rows(&parameters, 1).text(0, 0).map(str::to_owned)
                })
            })
        });
        computed.ok_or(NotPossible)
    }

    fn is_array(&self, column: usize) -> bool {
        self.target
            .column(self.columns[column])
            .type_name()
            .ends_with("[]")
    }
}

impl Values for Table<'_> {
    fn sum(
        &self,
        column: usize,
        ours: &str,
        theirs: &str,
        base: Option<&str>,
    ) -> Result<String, NotPossible> {
        let expression = match base {
            Some(_) => "ours + (theirs - base)",
            None => "ours + theirs",
        };
        self.compute(column, expression, [Some(ours), Some(theirs), base])
    }

    fn compare(&self, column: usize, a: &str, b: &str) -> Result<Ordering, NotPossible> {
        let expression = "CASE WHEN ours < theirs THEN -1 WHEN ours > theirs THEN 1 ELSE 0 END";
        let found = self.compute(column, expression, [Some(a), Some(b), None])?;
        found
            .parse::<i32>()
            .map(|order| order.cmp(&0))
            .map_err(|_| NotPossible)
    }

    fn union(
        &self,
        column: usize,
        ours: &str,
        theirs: &str,
        base: Option<&str>,
    ) -> Result<String, NotPossible> {
        let function = if self.is_array(column) {
            "officesync.union_of_arrays(ours, theirs, base)"
        } else {
            "officesync.union_of_objects(ours, theirs, base)"
        };
        self.compute(column, function, [Some(ours), Some(theirs), base])
    }
}
