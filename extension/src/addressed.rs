//! Changes that are for one office only: their marks in the buffer, and lines cut where the office changes.
//!
//! A branch gets the rows of its own scope and no others, so each row of the outbox is for all or for one office.
//! In the buffer a group, or a line that is complete, begins with a mark that names its office: between two control
//! characters, which JSON never holds as they are. What has no mark is for all. So the buffer itself need not know.
//!
//! Pure: knows nothing of PostgreSQL.

use officesync_wire::encode;

const MARK: u8 = 1;
const MARK_END: u8 = 2;

/// What is for one office, or for all (None).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) office: Option<String>,
    pub(crate) bytes: Vec<u8>,
}

/// The mark of what is for `office`.
pub(crate) fn mark(office: &str) -> Vec<u8> {
    let mut mark = Vec::with_capacity(office.len() + 2);
    mark.push(MARK);
    mark.extend_from_slice(office.as_bytes());
    mark.push(MARK_END);
    mark
}

/// Whether any of it is for one office only.
#[inline]
pub(crate) fn is_any(bytes: &[u8]) -> bool {
    bytes.contains(&MARK)
}

/// The groups of a transaction's line, or of what is left of it, as chunks from the number `first` on. `ends`: the
/// transaction ends with the last of them, which is for all then, unless the whole transaction is for one office.
/// `head` begins a line: its chunk's number, and whether it is the last.
pub(crate) fn chunks(
    groups: &[u8],
    first: i32,
    ends: bool,
    head: impl Fn(i32, bool) -> Vec<u8>,
) -> Vec<Share> {
    let mut shares = Shares::default();
    each_group(groups, |group| {
        let (office, group) = unmarked(group);
        shares.add_group(office, group);
    });
    let mut shares = shares.all;
    if ends && !(first == 0 && shares.len() == 1) {
        end_with_all(&mut shares);
    }
    let count = shares.len();
    for ((number, nth), share) in (first..).zip(1..).zip(&mut shares) {
        let mut line = head(number, ends && nth == count);
        line.append(&mut share.bytes);
        encode::line_end(&mut line);
        share.bytes = line;
    }
    shares
}

/// Lines that are complete, and the chunks behind them, as rows of the outbox: in their order, as far as any office
/// can see it. `ends`: the transaction that writes them ends with the last.
pub(crate) fn rows(complete: &[u8], chunks: Vec<Share>, is_whole: bool, ends: bool) -> Vec<Share> {
    let mut shares = Shares::default();
    for line in complete.split_inclusive(|byte| *byte == b'\n') {
        let (office, line) = unmarked(line);
        shares.add(office, line);
    }
    for chunk in chunks {
        shares.add(chunk.office.as_deref(), &chunk.bytes);
    }
    let mut rows = shares.all;
    if ends && !(is_whole && rows.len() == 1) {
        end_with_all(&mut rows);
    }
    rows
}

/// Chunks as they stand in the buffer.
pub(crate) fn marked(chunks: Vec<Share>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for chunk in chunks {
        if let Some(office) = &chunk.office {
            bytes.append(&mut mark(office));
        }
        bytes.extend_from_slice(&chunk.bytes);
    }
    bytes
}

/// All offices have to see the end.
fn end_with_all(shares: &mut Vec<Share>) {
    if shares.last().is_none_or(|share| share.office.is_some()) {
        shares.push(Share {
            office: None,
            bytes: Vec::new(),
        });
    }
}

/// Shares in the order in which they came. Between two that are for all, those of different offices need no order
/// among them: each office gets one share there.
#[derive(Default)]
struct Shares {
    all: Vec<Share>,
    /// Behind the last one that is for all.
    since: usize,
    /// For each of them the header of its last group, by where it begins and how long it is.
    headers: Vec<(usize, usize)>,
}

impl Shares {
    /// The share that takes what comes next for that office.
    fn of(&mut self, office: Option<&str>) -> usize {
        let at = match office {
            None => (self.since == self.all.len())
                .then(|| self.since.checked_sub(1))
                .flatten(),
            Some(_) => {
                let of_office = |share: &Share| share.office.as_deref() == office;
                let place = self.all[self.since..].iter().position(of_office);
                place.map(|place| self.since + place)
            }
        };
        at.unwrap_or_else(|| {
            self.all.push(Share {
                office: office.map(str::to_owned),
                bytes: Vec::new(),
            });
            self.headers.push((0, 0));
            if office.is_none() {
                self.since = self.all.len();
            }
            self.all.len() - 1
        })
    }

    fn add(&mut self, office: Option<&str>, bytes: &[u8]) {
        let at = self.of(office);
        self.all[at].bytes.extend_from_slice(bytes);
    }

    /// Rows with the header of those before them join them: of a statement whose rows go to several offices each has a
    /// group of its own in the buffer.
    fn add_group(&mut self, office: Option<&str>, group: &[u8]) {
        let at = self.of(office);
        let (bytes, last) = (&mut self.all[at].bytes, &mut self.headers[at]);
        let length = header_length(group);
        let known = bytes.get(last.0..last.0 + last.1);
        if let Some(length) = length
            && known == Some(&group[..length])
        {
            bytes.truncate(bytes.len() - encode::GROUP_END.len());
            bytes.push(encode::SEPARATOR);
            bytes.extend_from_slice(&group[length..]);
            return;
        }
        if !bytes.is_empty() {
            bytes.push(encode::SEPARATOR);
        }
        *last = (bytes.len(), length.unwrap_or_default());
        bytes.extend_from_slice(group);
    }
}

/// How long the beginning of a group is, up to its first row. Within texts quotes are escaped.
fn header_length(group: &[u8]) -> Option<usize> {
    const ROWS: &[u8] = b"\"rows\":[";
    let at = group
        .windows(ROWS.len())
        .position(|window| window == ROWS)?;
    Some(at + ROWS.len())
}

/// The office a group or a line is for, and the rest of it.
fn unmarked(bytes: &[u8]) -> (Option<&str>, &[u8]) {
    let Some((&MARK, rest)) = bytes.split_first() else {
        return (None, bytes);
    };
    let end = rest.iter().position(|byte| *byte == MARK_END);
    let (office, rest) = rest.split_at(end.unwrap_or(rest.len()));
    let rest = rest.get(1..).unwrap_or_default();
    (core::str::from_utf8(office).ok(), rest)
}

/// Each of the groups that are joined by commas.
fn each_group(groups: &[u8], mut work: impl FnMut(&[u8])) {
    let (mut start, mut depth, mut in_string, mut escaped) = (0, 0, false, false);
    for (at, byte) in groups.iter().enumerate() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => {
                work(&groups[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if start < groups.len() {
        work(&groups[start..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(office: &str, name: &str) -> Vec<u8> {
        let mut group = match office {
            "" => Vec::new(),
            office => mark(office),
        };
        group.extend_from_slice(format!(r#"{{"op":"{name}","rows":[["],}}\",{{"]]}}"#).as_bytes());
        group
    }

    fn joined(groups: &[(&str, &str)]) -> Vec<u8> {
        let groups: Vec<Vec<u8>> = groups.iter().map(|(o, n)| group(o, n)).collect();
        groups.join(&b',')
    }

    /// Each line as office, chunk, whether it is the last, and the names of its groups.
    fn cut(groups: &[(&str, &str)], first: i32, ends: bool) -> Vec<String> {
        let head = |chunk: i32, last: bool| format!("{{{chunk} {last} [").into_bytes();
        chunks(&joined(groups), first, ends, head)
            .iter()
            .map(|share| {
                let text = String::from_utf8(share.bytes.clone()).unwrap();
                let names: Vec<&str> = text
                    .split(r#""op":""#)
                    .skip(1)
                    .filter_map(|rest| rest.split('"').next())
                    .collect();
                let head = text.split(" [").next().unwrap_or_default();
                let office = share.office.as_deref().unwrap_or("all");
                format!("{office} {}: {}", &head[1..], names.join(" "))
            })
            .collect()
    }

    #[test]
    fn what_is_for_all_stands_between_what_is_for_some() {
        let groups = [
            ("a", "1"),
            ("b", "2"),
            ("a", "3"),
            ("", "4"),
            ("", "5"),
            ("b", "6"),
            ("a", "7"),
        ];
        assert_eq!(
            cut(&groups, 0, true),
            [
                "a 0 false: 1 3",
                "b 1 false: 2",
                "all 2 false: 4 5",
                "b 3 false: 6",
                "a 4 false: 7",
                "all 5 true: "
            ]
        );
        assert_eq!(
            cut(&[("a", "1"), ("", "2")], 3, false),
            ["a 3 false: 1", "all 4 false: 2"]
        );
    }

    #[test]
    fn a_transaction_of_one_office_is_nobody_elses() {
        assert_eq!(cut(&[("a", "1"), ("a", "2")], 0, true), ["a 0 true: 1 2"]);
        assert_eq!(
            cut(&[("a", "1")], 2, true),
            ["a 2 false: 1", "all 3 true: "],
            "who knows what the chunks before were"
        );
    }

    #[test]
    fn lines_are_shared_out_as_groups_are() {
        let line = |office: &str, text: &str| {
            marked(vec![Share {
                office: (!office.is_empty()).then(|| office.to_owned()),
                bytes: format!("{text}\n").into_bytes(),
            }])
        };
        let lines = [
            line("a", "1"),
            line("a", "2"),
            line("", "3"),
            line("a", "4"),
        ]
        .concat();
        let shown = |rows: Vec<Share>| -> Vec<String> {
            rows.iter()
                .map(|row| {
                    let text = String::from_utf8(row.bytes.clone()).unwrap();
                    format!(
                        "{}: {}",
                        row.office.as_deref().unwrap_or("all"),
                        text.replace('\n', " ")
                    )
                })
                .collect()
        };
        assert_eq!(
            shown(rows(&lines, Vec::new(), true, true)),
            ["a: 1 2 ", "all: 3 ", "a: 4 ", "all: "]
        );
        let own = line("a", "1");
        assert_eq!(shown(rows(&own, Vec::new(), true, true)), ["a: 1 "]);
        assert_eq!(
            shown(rows(&own, Vec::new(), false, true)),
            ["a: 1 ", "all: "]
        );
        assert_eq!(shown(rows(&own, Vec::new(), false, false)), ["a: 1 "]);
    }

    #[test]
    fn rows_under_one_header_share_it() {
        let row = |office: &str, id: i32| {
            let mut row = mark(office);
            row.extend_from_slice(format!(r#"{{"op":"insert","rows":[[{id}]]}}"#).as_bytes());
            row
        };
        let groups = [row("a", 1), row("b", 2), row("a", 3), row("b", 4)].join(&b',');
        let shown: Vec<String> = chunks(&groups, 0, false, |_, _| Vec::new())
            .into_iter()
            .map(|share| String::from_utf8(share.bytes).unwrap())
            .collect();
        assert_eq!(
            shown,
            [
                "{\"op\":\"insert\",\"rows\":[[1],[3]]}]}\n",
                "{\"op\":\"insert\",\"rows\":[[2],[4]]}]}\n"
            ]
        );
    }

    #[test]
    fn text_that_holds_a_mark_is_escaped_and_no_mark() {
        let mut text = Vec::new();
        encode::string(&mut text, b"\x01a\x02");
        assert!(!is_any(&text));
        assert!(is_any(&group("a", "1")));
    }
}
