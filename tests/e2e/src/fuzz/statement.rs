//! Random statements.

use super::pen::Pen;
use super::{compound, copy, delete, insert, update};

/// A statement, with the rows it reads from the client if it is a COPY.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) input: Option<String>,
}

impl Statement {
    /// A statement that reads nothing.
    pub(super) fn plain(sql: String) -> Statement {
        Statement { sql, input: None }
    }

    /// A random one. Most put rows in, so that there is something to change.
    pub(super) fn random(pen: &mut Pen<'_>) -> Statement {
        loop {
            let sql = match pen.seed.below(100) {
                0..22 => insert::rows(pen),
                22..28 => insert::from_a_query(pen),
                28..36 => insert::on_conflict(pen),
                36..56 => update::random(pen),
                56..64 => delete::random(pen),
                64..70 => {
                    if let Some(copy) = copy::random(pen) {
                        return copy;
                    }
                    None
                }
                70..76 => compound::merge(pen),
                76..82 => compound::with(pen),
                82..88 => compound::block(pen),
                88..92 => compound::function(pen),
                92..95 => compound::replica(pen),
                95..97 => delete::truncate(pen),
                _ => update::swap(pen),
            };
            if let Some(sql) = sql {
                return Statement::plain(sql);
            }
        }
    }

    /// A simple one, to stand within another.
    pub(super) fn inner(pen: &mut Pen<'_>) -> String {
        loop {
            let sql = match pen.seed.below(6) {
                0..3 => insert::rows(pen),
                3 => update::random(pen),
                4 => insert::on_conflict(pen),
                _ => delete::random(pen),
            };
            if let Some(sql) = sql {
                return sql;
            }
        }
    }
}
