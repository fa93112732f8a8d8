//! Lines of the wire format as a person reads them.
//!
//! Invariant: whatever stands in a message, only printable characters reach the terminal, and no more than
//! was asked for.

use std::fmt::Write as _;

use lapin::message::Delivery;
use officesync_wire::decode::{self, Change, Limits, LineReader, RowGroup, Value};
use officesync_wire::message::{Encoding, TickHeader};
use officesync_wire::{Op, WireError};

use super::Detail;
use crate::database::Kept;
use crate::message::{Control, Kind, read};

/// More than this of a body is not unfolded.
const MAX_BODY_BYTES: u64 = 256 << 20;

/// One row of the outbox.
pub(crate) fn row(kept: &Kept, detail: Detail) -> String {
    let tick = kept
        .tick
        .map_or_else(|| "no tick yet".to_owned(), |tick| format!("tick {tick}"));
    let encoding = if kept.compressed {
        Encoding::Zstd
    } else {
        Encoding::Identity
    };
    let mut text = format!(
        "{tick}, transaction {}, chunk {}: {} changes, {} bytes\n",
        kept.sequence,
        kept.chunk,
        kept.changes,
        kept.body.len()
    );
    body(&mut text, encoding, &kept.body, detail);
    text
}

/// One message of a queue.
pub(crate) fn message(delivery: &Delivery, detail: Detail) -> String {
    let user = delivery
        .properties
        .user_id()
        .as_ref()
        .map_or_else(|| "nobody".to_owned(), |user| printable(user.as_str(), 80));
    match read(&delivery.properties) {
        Ok(Kind::Tick(header, encoding)) => tick(&header, &encoding, &user, &delivery.data, detail),
        Ok(Kind::Reading(header, encoding)) => format!(
            "reading {} ({}) of {} at tick {}, from user {user}: {} bytes {}\n",
            header.number,
            printable(&header.kind, 80),
            printable(&header.origin, 80),
            header.tick,
            delivery.data.len(),
            printable(&encoding, 20),
        ),
        Ok(Kind::Control {
            origin, encoding, ..
        }) => {
            let mut text = format!(
                "control message of {} from user {user}\n",
                printable(&origin, 80)
            );
            match Control::unpack(encoding, &delivery.data) {
                Ok(control) => {
                    let said = format!("{control:?}");
                    indent(
                        &mut text,
                        &printable(&said, detail.width.saturating_mul(10)),
                    );
                }
                Err(error) => indent(&mut text, &format!("cannot be read: {error}")),
            }
            text
        }
        Err(malformed) => format!(
            "a message from user {user} that is not officesync's ({}), {} bytes\n",
            malformed.reason,
            delivery.data.len()
        ),
    }
}

fn tick(header: &TickHeader, encoding: &str, user: &str, bytes: &[u8], detail: Detail) -> String {
    let mut text = format!(
        "tick {} of {}, part {}{}, from user {user}: {} bytes {}\n",
        header.tick,
        printable(&header.origin, 80),
        header.part,
        if header.last { " (the last)" } else { "" },
        bytes.len(),
        printable(encoding, 20),
    );
    if header.continued {
        indent(&mut text, "a piece of a body that goes on in the next part");
        return text;
    }
    match encoding.parse() {
        Ok(encoding) => body(&mut text, encoding, bytes, detail),
        Err(_) => indent(&mut text, "in an encoding this relay does not know"),
    }
    text
}

fn indent(text: &mut String, line: &str) {
    text.push_str("  ");
    text.push_str(line);
    text.push('\n');
}

fn body(text: &mut String, encoding: Encoding, bytes: &[u8], detail: Detail) {
    if let Err(error) = lines(text, encoding, bytes, detail) {
        // The last piece of a body that was cut looks like this too.
        indent(text, &format!("cannot be read by itself: {error}"));
    }
}

fn lines(
    text: &mut String,
    encoding: Encoding,
    bytes: &[u8],
    detail: Detail,
) -> Result<(), WireError> {
    let limits = Limits {
        max_body_bytes: MAX_BODY_BYTES,
        ..Limits::default()
    };
    let mut reader = LineReader::new(encoding, bytes, limits)?;
    let mut buffer = Vec::new();
    while reader.next_line(&mut buffer)? {
        let line = decode::line(&buffer, &limits)?;
        let number = line
            .sequence
            .map_or_else(|| "to be continued".to_owned(), |n| format!("{n}"));
        let when = line.commit_time.as_deref().unwrap_or("-");
        let mut about = format!(
            "transaction {number} of {}, committed {}",
            printable(&line.office, 80),
            printable(when, 40)
        );
        if let Some(tick) = line.origin_tick {
            let _ = write!(about, ", answers its tick {tick}");
        }
        if line.merged {
            about.push_str(", merged");
        }
        indent(text, &about);
        let mut left = detail.rows;
        for change in &line.changes {
            left = changes(text, change, left, detail.width);
        }
    }
    Ok(())
}

/// Shows a group, of which `left` rows at most; how many may still be shown.
fn changes(text: &mut String, change: &Change<'_>, left: usize, width: usize) -> usize {
    match change {
        Change::Truncate { schema, table, .. } => {
            indent(text, &format!("  TRUNCATE {}", name(schema, table)));
            left
        }
        Change::Ddl(ddl) => {
            indent(
                text,
                &format!("  {}", printable(&ddl.statement, width * 10)),
            );
            left
        }
        Change::Tracking {
            schema,
            table,
            direction,
            ..
        } => {
            let what = direction
                .as_ref()
                .map_or("untracked".to_owned(), |direction| {
                    format!("tracked ({})", printable(direction, 20))
                });
            indent(
                text,
                &format!("  {} is {what} from here on", name(schema, table)),
            );
            left
        }
        Change::Rows(group) => {
            for row in group.rows().take(left) {
                indent(text, &format!("  {}", one(group, row, width)));
            }
            if group.len() > left {
                let more = group.len() - left;
                let table = name(&group.schema, &group.table);
                indent(text, &format!("  ... {more} more rows of {table}"));
            }
            left.saturating_sub(group.len())
        }
    }
}

fn one(group: &RowGroup<'_>, row: &[Value<'_>], width: usize) -> String {
    let operation = match group.op {
        Op::Insert => "INSERT",
        Op::Update => "UPDATE",
        Op::Delete => "DELETE",
    };
    let mut text = format!("{operation} {}", name(&group.schema, &group.table));
    for (index, column) in group.columns.iter().enumerate() {
        let column = printable(column, 63);
        let now = row.get(index).map_or_else(String::new, |v| value(v, width));
        let _ = match group.changed.iter().position(|changed| *changed == index) {
            Some(_) => {
                let old = group
                    .old_value(row, index)
                    .map_or_else(String::new, |v| value(v, width));
                write!(text, " {column}: {old} -> {now}")
            }
            None => write!(text, " {column}={now}"),
        };
    }
    text
}

fn name(schema: &str, table: &str) -> String {
    format!("{}.{}", printable(schema, 63), printable(table, 63))
}

fn value(value: &Value<'_>, width: usize) -> String {
    match value {
        None => "NULL".to_owned(),
        Some(text) => printable(text, width),
    }
}

/// At most so many characters, nothing that a terminal would obey.
fn printable(text: &str, width: usize) -> String {
    let mut shown = String::new();
    let mut characters = text.chars();
    for character in characters.by_ref().take(width) {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = concat!(
        r#"{"version":1,"office":"lyon","incarnation":"9f3c","sequence":12,"chunk":0,"last":true,"#,
        r#""commit_time":"2026-11-20 12:00:00+00","merged":true,"changes":["#,
        r#"{"table":["public","t"],"op":"insert","columns":["id","note"],"key":["id"],"rows":[[1,"a"],[2,null],[3,"\u001b[2J"]]},"#,
        r#"{"table":["public","t"],"op":"update","columns":["id","note"],"key":["id"],"changed":["note"],"rows":[[1,"b","a"]]},"#,
        r#"{"table":["public","t"],"op":"truncate","restart_identity":false}]}"#,
        "\n"
    );

    fn kept(body: &[u8], compressed: bool) -> Kept {
        Kept {
            tick: Some(7),
            sequence: 12,
            chunk: 0,
            changes: 5,
            compressed,
            body: body.to_vec(),
        }
    }

    const ALL: Detail = Detail {
        rows: 20,
        width: 80,
    };

    #[test]
    fn a_transaction_is_told_row_by_row() {
        let text = row(&kept(LINE.as_bytes(), false), ALL);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            format!(
                "tick 7, transaction 12, chunk 0: 5 changes, {} bytes",
                LINE.len()
            )
        );
        assert_eq!(
            lines[1],
            "  transaction 12 of lyon, committed 2026-11-20 12:00:00+00, merged"
        );
        assert_eq!(lines[2], "    INSERT public.t id=1 note=a");
        assert_eq!(lines[3], "    INSERT public.t id=2 note=NULL");
        assert_eq!(lines[4], "    INSERT public.t id=3 note=\\u{1b}[2J");
        assert_eq!(lines[5], "    UPDATE public.t id=1 note: a -> b");
        assert_eq!(lines[6], "    TRUNCATE public.t");
    }

    #[test]
    fn no_more_is_shown_than_was_asked_for() {
        let short = Detail { rows: 1, width: 80 };
        let text = row(&kept(LINE.as_bytes(), false), short);
        assert!(text.contains("... 2 more rows of public.t"), "{text}");
        assert!(!text.contains("id=2"), "{text}");
        assert_eq!(printable("abc", 2), "ab…");
        assert_eq!(printable("ab", 2), "ab");
    }

    #[test]
    fn compressed_rows_and_broken_ones_are_told_too() {
        let frame = officesync_wire::compress::compress(LINE.as_bytes(), 3).unwrap();
        assert!(row(&kept(&frame, true), ALL).contains("INSERT public.t id=1"));
        let broken = row(&kept(&frame[..frame.len() / 2], true), ALL);
        assert!(broken.contains("cannot be read by itself"), "{broken}");
    }
}
