//! The rows of a group: the inner loop of reading. Every row must be as wide as the first; whether
//! that is the width the columns ask for is checked when the group is complete.

use super::change::Value;
use super::scan::Scanner;
use crate::Problem;
use std::borrow::Cow;

/// Values of all rows in row order, and the width of a row (`None` where there is no row).
pub(super) struct Rows<'a> {
    pub(super) values: Vec<Value<'a>>,
    pub(super) width: Option<usize>,
}

/// What a line may still use up.
pub(super) struct Budget {
    pub(super) rows: usize,
    pub(super) values: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn rows(&mut self, budget: &mut Budget) -> Result<Rows<'a>, Problem> {
        let mut rows = Rows {
            values: Vec::with_capacity(16),
            width: None,
        };
        let mut number = 0;
        let mut first = true;
        self.expect(b'[', "an array of rows")?;
        while self.next_item(&mut first, b']')? {
            number += 1;
            self.row = Some(number);
            budget.rows = budget.rows.checked_sub(1).ok_or(Problem::TooMany {
                what: "rows in a line",
                limit: self.limits.max_rows,
            })?;
            self.one_row(&mut rows, budget)?;
        }
        self.row = None;
        Ok(rows)
    }

    #[inline]
    fn one_row(&mut self, rows: &mut Rows<'a>, budget: &mut Budget) -> Result<(), Problem> {
        let start = rows.values.len();
        self.expect(b'[', "a row")?;
        let mut first = true;
        while self.next_item(&mut first, b']')? {
            if rows.values.len() - start >= budget.values {
                return Err(Problem::TooMany {
                    what: "values in a line",
                    limit: self.limits.max_values,
                });
            }
            let value = self.value()?;
            rows.values.push(value);
        }
        let width = rows.values.len() - start;
        budget.values = budget.values.saturating_sub(width);
        match *rows.width.get_or_insert(width) {
            expected if expected == width => Ok(()),
            expected => Err(Problem::RowWidth { expected }),
        }
    }

    #[inline]
    fn value(&mut self) -> Result<Value<'a>, Problem> {
        match self.peek_token() {
            Some(b'"') => self.string("a string").map(Some),
            Some(b'-' | b'0'..=b'9') => self.number().map(|text| Some(Cow::Borrowed(text))),
            Some(b'n') => self.word("null").map(|()| None),
            Some(b't') => self.word("true").map(|()| Some(Cow::Borrowed("t"))),
            Some(b'f') => self.word("false").map(|()| Some(Cow::Borrowed("f"))),
            _ => Err(Problem::Expected("a string, number, true, false or null")),
        }
    }
}
