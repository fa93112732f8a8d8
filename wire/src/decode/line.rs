//! One line: its own fields in any order, then the rules that hold between them.

use super::change::{Change, Line};
use super::group::once;
use super::limits::Limits;
use super::rows::Budget;
use super::scan::Scanner;
use crate::message::{is_incarnation, office_name};
use crate::{Place, Problem, VERSION, WireError};
use std::borrow::Cow;

/// Reads one line, with or without its newline.
///
/// # Errors
/// [`WireError::NewerVersion`] where the line is of a version this crate does not know, whatever else
/// is in it; [`WireError::Malformed`] where it breaks a rule; [`WireError::LineTooLong`].
pub fn line<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Line<'a>, WireError> {
    if bytes.len() > limits.max_line_bytes.saturating_add(1) {
        return Err(WireError::LineTooLong {
            line: 1,
            limit: limits.max_line_bytes,
        });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| WireError::Malformed {
        problem: Problem::NotUtf8,
        place: Place {
            byte: error.valid_up_to(),
            ..Place::default()
        },
    })?;
    let mut scanner = Scanner::new(text, *limits);
    scanner
        .line()
        .map_err(|problem| match version_of(text, *limits) {
            Some(found) if found > u64::from(VERSION) => WireError::NewerVersion { found },
            _ if problem == Problem::NoMemory => WireError::NoMemory { line: 1 },
            _ => WireError::Malformed {
                problem,
                place: scanner.place(),
            },
        })
}

/// The version of a line that could not be read: a newer one may well break the rules of this one.
fn version_of(text: &str, limits: Limits) -> Option<u64> {
    let mut scanner = Scanner::new(text, limits);
    let mut first = true;
    scanner.expect(b'{', "an object").ok()?;
    while scanner.next_item(&mut first, b'}').ok()? {
        if scanner.field_name().ok()? == "version" {
            scanner.peek_token();
            return scanner.number().ok()?.parse().ok();
        }
        scanner.skip_value(limits.max_depth).ok()?;
    }
    None
}

/// The fields of a line as they were found.
#[derive(Default)]
struct Fields<'a> {
    version: Option<u32>,
    office: Option<Cow<'a, str>>,
    incarnation: Option<Cow<'a, str>>,
    sequence: Option<Option<i64>>,
    chunk: Option<i32>,
    last: Option<bool>,
    commit_time: Option<Option<Cow<'a, str>>>,
    origin_tick: Option<i64>,
    merged: Option<bool>,
    schema_tick: Option<i64>,
    changes: Option<Vec<Change<'a>>>,
}

impl<'a> Scanner<'a> {
    fn line(&mut self) -> Result<Line<'a>, Problem> {
        let mut fields = Fields::default();
        let mut first = true;
        self.expect(b'{', "an object")?;
        while self.next_item(&mut first, b'}')? {
            self.line_field(&mut fields)?;
            self.field = None;
        }
        if self.peek_token().is_some() {
            return Err(Problem::Trailing);
        }
        fields.complete()
    }

    fn line_field(&mut self, fields: &mut Fields<'a>) -> Result<(), Problem> {
        let name = self.field_name()?;
        match &*name {
            "version" => {
                self.field = Some("version");
                match self.integer()? {
                    found if found == i64::from(VERSION) => once(&mut fields.version, VERSION),
                    _ => Err(Problem::Rule("there is no such version")),
                }
            }
            "office" => {
                self.field = Some("office");
                let office = self.string("an office name")?;
                office_name(&office).map_err(|_| Problem::Rule("not an office name"))?;
                once(&mut fields.office, office)
            }
            "incarnation" => {
                self.field = Some("incarnation");
                let incarnation = self.string("an incarnation")?;
                if !is_incarnation(&incarnation) {
                    return Err(Problem::Rule("not an incarnation"));
                }
                once(&mut fields.incarnation, incarnation)
            }
            "sequence" => {
                self.field = Some("sequence");
                let sequence = if self.take_null()? {
                    None
                } else {
                    Some(self.positive()?)
                };
                once(&mut fields.sequence, sequence)
            }
            "chunk" => {
                self.field = Some("chunk");
                let chunk = self.integer()?;
                let chunk = i32::try_from(chunk).ok().filter(|chunk| *chunk >= 0);
                once(&mut fields.chunk, chunk.ok_or(Problem::OutOfRange)?)
            }
            "last" => {
                self.field = Some("last");
                let last = self.boolean()?;
                once(&mut fields.last, last)
            }
            "commit_time" => {
                self.field = Some("commit_time");
                let time = if self.take_null()? {
                    None
                } else {
                    Some(self.string("a time")?)
                };
                once(&mut fields.commit_time, time)
            }
            "origin_tick" => {
                self.field = Some("origin_tick");
                let tick = self.positive()?;
                once(&mut fields.origin_tick, tick)
            }
            "merged" => {
                self.field = Some("merged");
                let merged = self.boolean()?;
                once(&mut fields.merged, merged)
            }
            "schema_tick" => {
                self.field = Some("schema_tick");
                let tick = match self.integer()? {
                    tick @ 0.. => tick,
                    _ => return Err(Problem::OutOfRange),
                };
                once(&mut fields.schema_tick, tick)
            }
            "changes" => {
                self.field = Some("changes");
                let changes = self.changes()?;
                once(&mut fields.changes, changes)
            }
            other if other.starts_with("x_") => self.skip_value(self.limits.max_depth),
            _ => Err(Problem::UnknownField),
        }
    }

    fn positive(&mut self) -> Result<i64, Problem> {
        match self.integer()? {
            number @ 1.. => Ok(number),
            _ => Err(Problem::OutOfRange),
        }
    }

    fn changes(&mut self) -> Result<Vec<Change<'a>>, Problem> {
        let mut budget = Budget {
            rows: self.limits.max_rows,
            values: self.limits.max_values,
        };
        let mut changes = Vec::new();
        let mut first = true;
        self.expect(b'[', "an array of groups")?;
        while self.next_item(&mut first, b']')? {
            self.group = Some(changes.len() + 1);
            self.field = None;
            let change = self.group(&mut budget)?;
            changes.push(change);
        }
        self.group = None;
        Ok(changes)
    }
}

impl<'a> Fields<'a> {
    fn complete(self) -> Result<Line<'a>, Problem> {
        let line = Line {
            version: self.version.ok_or(Problem::MissingField("version"))?,
            office: self.office.ok_or(Problem::MissingField("office"))?,
            incarnation: self
                .incarnation
                .ok_or(Problem::MissingField("incarnation"))?,
            sequence: self.sequence.ok_or(Problem::MissingField("sequence"))?,
            chunk: self.chunk.ok_or(Problem::MissingField("chunk"))?,
            last: self.last.ok_or(Problem::MissingField("last"))?,
            commit_time: self
                .commit_time
                .ok_or(Problem::MissingField("commit_time"))?,
            origin_tick: self.origin_tick,
            merged: self.merged.unwrap_or(false),
            schema_tick: self.schema_tick,
            changes: self.changes.ok_or(Problem::MissingField("changes"))?,
        };
        if line.sequence.is_some() != line.last {
            return Err(Problem::Rule(
                "the last chunk, and no other, has a sequence",
            ));
        }
        if line.commit_time.is_some() != line.last {
            return Err(Problem::Rule(
                "the last chunk, and no other, has a commit time",
            ));
        }
        Ok(line)
    }
}
