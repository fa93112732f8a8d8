//! A figure's result: printed as a table, and stored as JSON beside the others.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::options;
use crate::sample::{Spread, ratios};

/// What a line has to keep.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Law {
    /// The ratio is at most this.
    RatioAtMost(f64),
    /// The ratio is at least this.
    RatioAtLeast(f64),
    /// The value itself is at most this.
    ValueAtMost(f64),
}

/// One measured thing.
#[derive(Debug)]
pub(crate) struct Line {
    what: String,
    unit: &'static str,
    value: Spread,
    ratio: Option<Spread>,
    law: Option<Law>,
}

impl Line {
    /// Values of all rounds.
    pub(crate) fn new(what: impl Into<String>, unit: &'static str, values: &[f64]) -> Line {
        Line {
            what: what.into(),
            unit,
            value: Spread::of(values),
            ratio: None,
            law: None,
        }
    }

    /// With the ratio to another thing that was measured in the same rounds.
    pub(crate) fn against(mut self, values: &[f64], base: &[f64]) -> Line {
        self.ratio = Some(Spread::of(&ratios(values, base)));
        self
    }

    /// With what it has to keep.
    pub(crate) fn law(mut self, law: Law) -> Line {
        self.law = Some(law);
        self
    }

    /// Whether the law is kept, by the median; `None` without a law.
    fn reached(&self) -> Option<bool> {
        let ratio = self.ratio.map(|ratio| ratio.median);
        Some(match self.law? {
            Law::RatioAtMost(bound) => ratio? <= bound,
            Law::RatioAtLeast(bound) => ratio? >= bound,
            Law::ValueAtMost(bound) => self.value.median <= bound,
        })
    }

    fn law_text(&self) -> String {
        match self.law {
            None => String::new(),
            Some(Law::RatioAtMost(bound)) => format!("<= {bound:.2}x"),
            Some(Law::RatioAtLeast(bound)) => format!(">= {bound:.2}x"),
            Some(Law::ValueAtMost(bound)) => format!("<= {bound} {}", self.unit),
        }
    }

    fn json(&self) -> Value {
        json!({
            "what": self.what, "unit": self.unit, "value": self.value.json(),
            "ratio": self.ratio.map(|ratio| ratio.json()),
            "law": self.law.map(|_| self.law_text()), "reached": self.reached(),
        })
    }
}

/// One figure.
#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) number: u32,
    pub(crate) title: String,
    /// What the ratios are to.
    pub(crate) base: &'static str,
    pub(crate) lines: Vec<Line>,
    /// What the reader should know about this run.
    pub(crate) notes: Vec<String>,
}

impl Figure {
    /// Prints it and stores it.
    pub(crate) fn publish(&self, machine: &Value) {
        println!("{}", self.table());
        let results = options::results();
        let lines: Vec<Value> = self.lines.iter().map(Line::json).collect();
        let stored = json!({
            "figure": self.number, "title": self.title, "ratio_to": self.base,
            "lines": lines, "notes": self.notes, "machine": machine,
        });
        let json = format!("{stored:#}\n");
        for (ending, text) in [("json", json), ("md", self.markdown(machine))] {
            write(&results.join(format!("{:02}.{ending}", self.number)), &text);
        }
    }

    /// The table for docs/performance, with the machine it was measured on.
    fn markdown(&self, machine: &Value) -> String {
        let mut text = format!("\n## {}. {}\n\n", self.number, self.title);
        for (place, row) in self.rows().iter().enumerate() {
            let _ = writeln!(text, "| {} |", row.join(" | "));
            if place == 0 {
                text.push_str("| --- | --- | --- | --- | --- |\n");
            }
        }
        text.push('\n');
        for note in &self.notes {
            let _ = writeln!(text, "* {note}");
        }
        let _ = writeln!(text, "* {}", machine["line"].as_str().unwrap_or_default());
        text
    }

    /// The cells of the table, its head first.
    fn rows(&self) -> Vec<[String; 5]> {
        let mut rows = vec![[
            String::new(),
            "median (min..max)".to_owned(),
            format!("against {}", self.base),
            "law".to_owned(),
            String::new(),
        ]];
        if self.base.is_empty() {
            rows[0][2].clear();
        }
        for line in &self.lines {
            let reached = match line.reached() {
                Some(true) => "reached",
                Some(false) => "NOT REACHED",
                None => "",
            };
            rows.push([
                line.what.clone(),
                shown(&line.value, line.unit),
                line.ratio
                    .map(|ratio| shown(&ratio, "x"))
                    .unwrap_or_default(),
                line.law_text(),
                reached.to_owned(),
            ]);
        }
        rows
    }

    fn table(&self) -> String {
        let rows = self.rows();
        let width = |column: usize| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..5).map(width).collect();
        let mut text = format!("\n{}. {}\n", self.number, self.title);
        for row in &rows {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|(cell, &width)| format!("{cell:<width$}"))
                .collect();
            let _ = writeln!(text, "   {}", cells.join("   ").trim_end());
        }
        for note in &self.notes {
            let _ = writeln!(text, "   * {note}");
        }
        text
    }
}

/// Puts the tables of all figures that are stored, of this run and earlier ones, into one page.
pub(crate) fn page(file: &Path) {
    let mut text = "# Results\n\nWritten by `make bench-docs`; [performance.md](../performance.md) explains the \
                    figures.\n"
        .to_owned();
    for number in 1..=crate::figures::COUNT {
        let part = options::results().join(format!("{number:02}.md"));
        text.push_str(&fs::read_to_string(part).unwrap_or_default());
    }
    write(file, &text);
}

fn write(file: &Path, text: &str) {
    fs::write(file, text)
        .unwrap_or_else(|error| panic!("cannot write {}: {error}", file.display()));
}

/// `0.72 s (0.70..0.75)`; without the spread where there is none.
fn shown(spread: &Spread, unit: &str) -> String {
    let gap = if matches!(unit, "x" | "") { "" } else { " " };
    let median = digits(spread.median);
    if spread.min == spread.max {
        return format!("{median}{gap}{unit}");
    }
    format!(
        "{median}{gap}{unit} ({}..{})",
        digits(spread.min),
        digits(spread.max)
    )
}

/// Three digits that say something.
fn digits(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size >= 100.0 => grouped(value.round() as i64),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

/// A whole number with a space between the thousands.
pub(crate) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_law_is_judged_by_the_median() {
        let line = Line::new("insert", "s", &[1.2, 1.3, 2.0])
            .against(&[1.2, 1.3, 2.0], &[1.0, 1.0, 1.0])
            .law(Law::RatioAtMost(1.3));
        assert_eq!(line.reached(), Some(true));
        assert_eq!(shown(&line.ratio.unwrap(), "x"), "1.30x (1.20..2.00)");
        assert_eq!(Line::new("x", "s", &[1.0]).reached(), None);
    }

    #[test]
    fn numbers_are_easy_to_read() {
        assert_eq!(grouped(-1_234_567), "-1 234 567");
        assert_eq!(digits(8123.4), "8 123");
        assert_eq!(digits(0.0), "0");
    }
}
