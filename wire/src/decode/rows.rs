//! The rows of a group: the inner loop of reading. Every row must be as wide as the first, and where they come column by
//! column, each as long; whether that is the width the columns ask for is checked when the group is complete.

use super::change::Value;
use super::scan::Scanner;
use crate::Problem;
use std::borrow::Cow;

/// Values of all rows in row order, and the width of a row (`None` where there is no row).
pub(super) struct Rows<'a> {
    pub(super) values: Vec<Value<'a>>,
    pub(super) width: Option<usize>,
    /// The field they came in.
    pub(super) field: &'static str,
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
            field: "rows",
        };
        let mut number = 0;
        let mut first = true;
        self.expect(b'[', "an array of rows")?;
        while self.next_item(&mut first, b']')? {
            number += 1;
            self.row = Some(number);
            self.spend_rows(budget, 1)?;
            self.expect(b'[', "a row")?;
            let width = self.list(&mut rows.values, budget)?;
            match *rows.width.get_or_insert(width) {
                expected if expected == width => {}
                expected => return Err(Problem::RowWidth { expected }),
            }
        }
        self.row = None;
        Ok(rows)
    }

    /// The same rows, written column by column.
    pub(super) fn by_column(&mut self, budget: &mut Budget) -> Result<Rows<'a>, Problem> {
        let mut columns = Vec::with_capacity(16);
        let (mut width, mut height) = (0, None);
        let mut first = true;
        self.expect(b'[', "an array of columns")?;
        while self.next_item(&mut first, b']')? {
            self.expect(b'[', "the values of a column")?;
            let found = self.list(&mut columns, budget)?;
            match *height.get_or_insert(found) {
                expected if expected == found => width += 1,
                _ => return Err(Problem::Rule("the columns are not of the same length")),
            }
        }
        let height = height.unwrap_or_default();
        self.spend_rows(budget, height)?;
        let mut values = Vec::with_capacity(columns.len());
        for row in 0..height {
            let of_row = columns.iter_mut().skip(row).step_by(height);
            values.extend(of_row.map(std::mem::take));
        }
        let width = (height > 0).then_some(width);
        Ok(Rows {
            values,
            width,
            field: "by_column",
        })
    }

    fn spend_rows(&self, budget: &mut Budget, rows: usize) -> Result<(), Problem> {
        budget.rows = budget.rows.checked_sub(rows).ok_or(Problem::TooMany {
            what: "rows in a line",
            limit: self.limits.max_rows,
        })?;
        Ok(())
    }

    /// Appends the values of a list whose opening bracket is read; tells how many they were.
    #[inline]
    fn list(&mut self, values: &mut Vec<Value<'a>>, budget: &mut Budget) -> Result<usize, Problem> {
        let start = values.len();
        let mut first = true;
        while self.next_item(&mut first, b']')? {
            if values.len() - start >= budget.values {
                return Err(Problem::TooMany {
                    what: "values in a line",
                    limit: self.limits.max_values,
                });
            }
            let value = self.value()?;
            values.push(value);
        }
        let length = values.len() - start;
        budget.values = budget.values.saturating_sub(length);
        Ok(length)
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
