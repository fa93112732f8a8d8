//! What a comparison found, as text for people or as JSON for programs.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, Result};

/// So many rows are named in a text; JSON has up to a thousand.
const SHOWN: usize = 50;

/// `officesync.verify_report()`.
#[derive(Debug, Deserialize)]
pub(super) struct Report {
    pub(super) finished: bool,
    offices: Vec<Office>,
    #[serde(skip)]
    whole: String,
}

#[derive(Debug, Deserialize)]
struct Office {
    office: String,
    mode: String,
    last_seen_at: Option<String>,
    differences: u64,
    repaired: u64,
    tables: Vec<Table>,
    rows: Vec<Row>,
}

#[derive(Debug, Deserialize)]
struct Table {
    table: String,
    rows: u64,
    finished: bool,
    problem: Option<String>,
    differences: u64,
}

#[derive(Debug, Deserialize)]
struct Row {
    table: String,
    key: Option<Value>,
    kind: String,
    repaired: bool,
}

impl Report {
    pub(super) fn read(json: String) -> Result<Self> {
        let mut report: Self = serde_json::from_str(&json)
            .map_err(|error| Error::Unfit(format!("the report can't be read: {error}")))?;
        report.whole = json;
        Ok(report)
    }

    pub(super) fn json(&self) -> &str {
        &self.whole
    }

    /// Nothing differs that was not put right, and everything could be compared.
    pub(super) fn is_well(&self) -> bool {
        let well = |office: &Office| {
            office.differences == office.repaired
                && office.tables.iter().all(|table| !table.is_incomplete())
        };
        self.offices.iter().all(well)
    }

    /// One line that changes while anything moves.
    pub(super) fn progress(&self) -> String {
        let of = |office: &Office| {
            let done = office.tables.iter().filter(|table| table.finished).count();
            let rows: u64 = office.tables.iter().map(|table| table.rows).sum();
            format!(
                "{}: {done} of {} tables, {rows} rows, {} differences (last seen {})",
                office.office,
                office.tables.len(),
                office.differences,
                office.last_seen_at.as_deref().unwrap_or("never"),
            )
        };
        self.offices.iter().map(of).collect::<Vec<_>>().join("; ")
    }
}

impl Table {
    /// What is collected at the head is no omission.
    fn is_incomplete(&self) -> bool {
        let by_design = |problem: &String| problem.contains("it is collected at the head");
        self.problem
            .as_ref()
            .is_some_and(|problem| !by_design(problem))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.offices.is_empty() {
            return write!(f, "no branch to compare");
        }
        for (nth, office) in self.offices.iter().enumerate() {
            if nth > 0 {
                writeln!(f)?;
            }
            let state = match (office.differences, office.mode.as_str()) {
                (0, _) => "equal".to_owned(),
                (count, "report") => format!("{count} rows differ"),
                (count, _) => format!("{count} rows differed, {} put right", office.repaired),
            };
            write!(f, "{}: {state}", office.office)?;
            for table in &office.tables {
                write!(
                    f,
                    "\n  {}: {} rows, {} differ",
                    table.table, table.rows, table.differences
                )?;
                if let Some(problem) = &table.problem {
                    write!(f, " ({problem})")?;
                }
            }
            for row in office.rows.iter().take(SHOWN) {
                let key = row
                    .key
                    .as_ref()
                    .map_or("rows without a key".into(), Value::to_string);
                let kind = match row.kind.as_str() {
                    "missing" => "missing there",
                    "extra" => "only there",
                    _ => "differs",
                };
                let fate = if row.repaired { ", put right" } else { "" };
                write!(f, "\n  {} {key}: {kind}{fate}", row.table)?;
            }
            if office.differences > SHOWN as u64 {
                write!(f, "\n  and more: SELECT * FROM officesync.difference")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(differences: u64, repaired: u64, problem: &str) -> Report {
        let json = format!(
            r#"{{"finished":true,"offices":[{{"office":"lyon","mode":"repair","last_seen_at":null,
                "differences":{differences},"repaired":{repaired},
                "tables":[{{"table":"public.items","rows":7,"finished":true,"problem":{problem},"differences":{differences}}}],
                "rows":[{{"table":"public.items","key":{{"id":"4"}},"kind":"differs","repaired":true}}]}}]}}"#
        );
        Report::read(json).unwrap()
    }

    #[test]
    fn well_is_equal_or_put_right_and_whole() {
        assert!(report(0, 0, "null").is_well());
        assert!(report(2, 2, "null").is_well());
        assert!(!report(2, 1, "null").is_well());
        assert!(!report(0, 0, "\"not tracked any more\"").is_well());
        assert!(report(0, 0, "\"not compared: it is collected at the head\"").is_well());
    }

    #[test]
    fn a_text_names_the_rows() {
        let text = report(1, 1, "null").to_string();
        assert_eq!(
            text,
            "lyon: 1 rows differed, 1 put right\n  public.items: 7 rows, 1 differ\n  \
             public.items {\"id\":\"4\"}: differs, put right"
        );
    }
}
