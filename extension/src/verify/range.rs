//! Rows between two keys, hashed.
//!
//! The digest of a part is the sum of its rows' hashes: in whatever order they are read it is the same, and twins
//! count twice.

use crate::apply::scope;
use crate::apply::sql::quote;
use crate::apply::target::Target;
use crate::pg::spi::{self, Parameter, Rows, Statement};
use core::ops::ControlFlow;
use pgrx::pg_sys::TEXTOID;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

/// Behind one key, up to and with another; none: without end.
pub(super) struct Bounds {
    pub(super) after: Option<Vec<String>>,
    pub(super) upto: Option<Vec<String>>,
}

/// What of a table is read, and in which order.
pub(super) struct Range<'a> {
    target: &'a Target,
    columns: &'a [String],
    key: &'a [String],
    /// Texts go byte by byte and not by their collation: the offices' collations may differ.
    plain_order: bool,
    /// Which rows the branch gets; None: all.
    scope: Option<String>,
}

/// Some rows in a row.
pub(super) struct Part {
    /// The last key; None where the part goes as far as the range.
    pub(super) upto: Option<Vec<String>>,
    pub(super) rows: i64,
    pub(super) digest: u128,
    /// Whether the range ends with it.
    pub(super) ended: bool,
}

impl<'a> Range<'a> {
    pub(super) fn new(
        target: &'a Target,
        columns: &'a [String],
        key: &'a [String],
        plain_order: bool,
        branch: &str,
    ) -> Self {
        Self {
            target,
            columns,
            key,
            plain_order,
            scope: (!branch.is_empty())
                .then(|| scope::condition(target, branch))
                .flatten(),
        }
    }

    /// The range in parts of `part_rows` rows, as far as `max_rows` go.
    pub(super) fn parts(&self, bounds: &Bounds, part_rows: i64, max_rows: i64) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        let mut open = Part::begin();
        let mut seen = 0;
        let mut last: Vec<String> = Vec::new();
        // One more than wanted, to know whether the range ends.
        self.each(bounds, max_rows.saturating_add(1), |key, _, hash| {
            seen += 1;
            if seen > max_rows {
                return;
            }
            if open.rows == part_rows {
                let full = core::mem::replace(&mut open, Part::begin());
                parts.push(Part {
                    upto: Some(last.clone()),
                    ..full
                });
            }
            open.rows += 1;
            open.digest = open.digest.wrapping_add(hash);
            last = key.to_vec();
        });
        let ended = seen <= max_rows;
        parts.push(Part {
            upto: if ended {
                bounds.upto.clone()
            } else {
                Some(last)
            },
            ended,
            ..open
        });
        parts
    }

    /// Hands over the rows: key, texts and hash.
    pub(super) fn each(
        &self,
        bounds: &Bounds,
        max_rows: i64,
        mut work: impl FnMut(&[String], &[Option<&str>], u128),
    ) {
        let sql = self.select(bounds);
        let edges = bounds.after.iter().chain(&bounds.upto).flatten();
        let mut parameters: Vec<Parameter<'_>> = edges.map(|text| Parameter::Text(text)).collect();
        let mut types = vec![TEXTOID; parameters.len()];
        parameters.push(Parameter::Int8(max_rows));
        types.push(pgrx::pg_sys::INT8OID);
        let mut key = Vec::with_capacity(self.key.len());
        spi::connected(|| {
            Statement::prepare(&sql, &types).each(&parameters, |rows| {
                for row in 0..rows.len() {
                    key.clear();
                    let of_key = (0..self.key.len()).map(|place| rows.text(row, place));
                    key.extend(of_key.map(|text| text.unwrap_or_default().to_owned()));
                    let texts = self.texts(rows, row);
                    work(&key, &texts, hash(&texts));
                }
                ControlFlow::Continue(())
            });
        });
    }

    fn texts<'r>(&self, rows: &'r Rows, row: usize) -> Vec<Option<&'r str>> {
        let places = self.key.len()..self.key.len() + self.columns.len();
        places.map(|place| rows.text(row, place)).collect()
    }

    fn select(&self, bounds: &Bounds) -> String {
        let shown: Vec<String> = self
            .key
            .iter()
            .chain(self.columns)
            .map(|name| self.text_of(name))
            .collect();
        let ordered: Vec<String> = self.key.iter().map(|name| self.ordered(name)).collect();
        let row = ordered.join(", ");
        let mut next = 0;
        let mut edge = |is: bool, comparison: &str| {
            is.then(|| {
                let values: Vec<String> = self
                    .key
                    .iter()
                    .map(|name| {
                        next += 1;
                        self.target.value_of(name, &format!("${next}"))
                    })
                    .collect();
                format!("({row}) {comparison} ({})", values.join(", "))
            })
        };
        let after = edge(bounds.after.is_some(), ">");
        let upto = edge(bounds.upto.is_some(), "<=");
        let limit = next + 1;
        let scope = self.scope.clone();
        let conditions: Vec<String> = after.into_iter().chain(upto).chain(scope).collect();
        let filter = match conditions.is_empty() {
            true => String::new(),
            false => format!(" WHERE {}", conditions.join(" AND ")),
        };
        let order = match ordered.is_empty() {
            true => String::new(),
            false => format!(" ORDER BY {row}"),
        };
        format!(
            "SELECT {} FROM {} AS t{filter}{order} LIMIT ${limit}",
            shown.join(", "),
            self.target.name
        )
    }

    fn ordered(&self, name: &str) -> String {
        let collate = match self.plain_order && self.target.column(name).has_collation() {
            true => " COLLATE pg_catalog.\"C\"",
            false => "",
        };
        format!("t.{}{collate}", quote(name))
    }

    /// As an expression of the text that travels.
    fn text_of(&self, name: &str) -> String {
        let cast = match self.target.column(name).is_bytes() {
            true => "::text",
            false => "",
        };
        format!("t.{}{cast}", quote(name))
    }
}

impl Part {
    fn begin() -> Self {
        Self {
            upto: None,
            rows: 0,
            digest: 0,
            ended: false,
        }
    }
}

/// The same at every office, on every machine.
fn hash(texts: &[Option<&str>]) -> u128 {
    let mut hasher = SipHasher13::new();
    for text in texts {
        match text {
            None => hasher.write(&[0xff; 8]),
            Some(text) => {
                hasher.write(&(text.len() as u64).to_le_bytes());
                hasher.write(text.as_bytes());
            }
        }
    }
    hasher.finish128().as_u128()
}

#[cfg(test)]
mod tests {
    use super::hash;

    #[test]
    fn what_is_not_the_same_has_another_hash() {
        let rows: [&[Option<&str>]; 6] = [
            &[Some("a"), Some("b")],
            &[Some("ab"), Some("")],
            &[Some(""), Some("ab")],
            &[Some("a"), None],
            &[Some("a"), Some("")],
            &[None, Some("a")],
        ];
        for (nth, row) in rows.iter().enumerate() {
            for other in &rows[nth + 1..] {
                assert_ne!(hash(row), hash(other), "{row:?} {other:?}");
            }
        }
    }

    /// It travels: other versions of this office have to know it.
    #[test]
    fn the_hash_is_frozen() {
        assert_eq!(
            format!("{:032x}", hash(&[Some("1"), None, Some("é")])),
            "61f216c5bedde6c463a51ab88eccadd2"
        );
    }
}
