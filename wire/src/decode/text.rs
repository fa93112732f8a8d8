//! Strings: borrowed where nothing is escaped, else unescaped into an owned copy. NUL is refused here,
//! for names and values alike, because PostgreSQL cannot store it.

use super::scan::Scanner;
use crate::Problem;
use crate::encode::next_escape;
use std::borrow::Cow;

const UNTERMINATED: Problem = Problem::Expected("the end of the string");

/// Room made for the rest of a string that holds an escape: most such strings are short.
const ROOM: usize = 64;

impl<'a> Scanner<'a> {
    /// A JSON string; `what` names it where there is none.
    #[inline]
    pub(super) fn string(&mut self, what: &'static str) -> Result<Cow<'a, str>, Problem> {
        self.expect(b'"', what)?;
        let start = self.at;
        match self.next_special()? {
            b'"' => {
                let plain = self.slice(start, self.at);
                self.at += 1;
                Ok(Cow::Borrowed(plain))
            }
            _ => self.unescape(start).map(Cow::Owned),
        }
    }

    /// Moves to the next quote or backslash and returns it.
    #[inline]
    fn next_special(&mut self) -> Result<u8, Problem> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or(&[]);
        self.at += next_escape(rest).unwrap_or(rest.len());
        match self.peek() {
            Some(byte @ (b'"' | b'\\')) => Ok(byte),
            Some(_) => Err(Problem::ControlCharacter),
            None => Err(UNTERMINATED),
        }
    }

    /// The rest of a string that began at `start` and has met its first backslash.
    #[cold]
    fn unescape(&mut self, start: usize) -> Result<String, Problem> {
        let plain = self.slice(start, self.at);
        let mut out = String::new();
        append(&mut out, plain)?;
        loop {
            self.at += 1;
            let character = self.escape()?;
            out.push(character);
            let plain = self.at;
            if self.peek() == Some(b'\\') {
                continue;
            }
            let special = self.next_special()?;
            append(&mut out, self.slice(plain, self.at))?;
            if special == b'"' {
                self.at += 1;
                return Ok(out);
            }
        }
    }

    /// The character that an escape stands for; the cursor is behind the backslash.
    fn escape(&mut self) -> Result<char, Problem> {
        let byte = self.peek().ok_or(UNTERMINATED)?;
        let plain = match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 1;
                return self.code_point();
            }
            _ => return Err(Problem::InvalidEscape),
        };
        self.at += 1;
        Ok(plain)
    }

    /// One `XXXX`, or two where the first is the high half of a surrogate pair.
    fn code_point(&mut self) -> Result<char, Problem> {
        let first = self.four_digits()?;
        let code = match first {
            0 => return Err(Problem::Nul),
            0xD800..=0xDBFF => {
                self.word("\\u").map_err(|_| Problem::InvalidEscape)?;
                let second = self.four_digits()?;
                if !(0xDC00..=0xDFFF).contains(&second) {
                    return Err(Problem::InvalidEscape);
                }
                0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
            }
            code => code,
        };
        char::from_u32(code).ok_or(Problem::InvalidEscape)
    }

    fn four_digits(&mut self) -> Result<u32, Problem> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            code = code * 16 + digit.ok_or(Problem::InvalidEscape)?;
            self.at += 1;
        }
        Ok(code)
    }

    /// Both ends are beside ASCII bytes, hence at character boundaries.
    #[inline]
    fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or("")
    }
}

/// Appends a run and makes room for the next. A text may be a gigabyte: to find no memory for it must
/// not be the end of the process.
fn append(out: &mut String, plain: &str) -> Result<(), Problem> {
    out.try_reserve(plain.len() + ROOM)
        .map_err(|_| Problem::NoMemory)?;
    out.push_str(plain);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Limits;

    fn read(text: &str) -> Result<Cow<'_, str>, Problem> {
        Scanner::new(text, Limits::default()).string("a string")
    }

    #[test]
    fn plain_text_is_borrowed() {
        assert!(matches!(
            read("\"Grüße 🦀\""),
            Ok(Cow::Borrowed("Grüße 🦀"))
        ));
        assert!(matches!(read("\"\""), Ok(Cow::Borrowed(""))));
    }

    #[test]
    fn escapes() {
        let text = r#""a\"\\\/\b\f\n\r\t\u0041\u00e9\ud83e\udd80\u001fz""#;
        assert_eq!(read(text).unwrap(), "a\"\\/\u{8}\u{c}\n\r\tAé🦀\u{1f}z");
    }

    #[test]
    fn broken_strings() {
        for (text, problem) in [
            ("", Problem::Expected("a string")),
            ("\"abc", UNTERMINATED),
            ("\"abc\\", UNTERMINATED),
            ("\"a\nb\"", Problem::ControlCharacter),
            (r#""\x41""#, Problem::InvalidEscape),
            (r#""\u12""#, Problem::InvalidEscape),
            (r#""\u+123""#, Problem::InvalidEscape),
            (r#""\ud83e""#, Problem::InvalidEscape),
            (r#""\ud83e\u0041""#, Problem::InvalidEscape),
            (r#""\udd80""#, Problem::InvalidEscape),
            (r#""\u0000""#, Problem::Nul),
        ] {
            assert_eq!(read(text), Err(problem), "{text}");
        }
    }
}
