//! The cursor over one line: JSON's tokens, nothing of the format. Positions only grow, so reading a
//! line takes linear time; `group`, `row` and `field` are kept to say where an error is.

use super::limits::Limits;
use crate::encode::is_json_number;
use crate::{Place, Problem};
use std::borrow::Cow;

pub(super) struct Scanner<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) limits: Limits,
    pub(super) group: Option<usize>,
    pub(super) row: Option<usize>,
    pub(super) field: Option<&'static str>,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str, limits: Limits) -> Self {
        Self {
            text,
            at: 0,
            limits,
            group: None,
            row: None,
            field: None,
        }
    }

    pub(super) fn place(&self) -> Place {
        Place {
            line: None,
            byte: self.at,
            group: self.group,
            row: self.row,
            field: self.field,
        }
    }

    /// The next byte, whatever it is.
    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is not white space.
    #[inline]
    pub(super) fn peek_token(&mut self) -> Option<u8> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.at += 1,
                other => return other,
            }
        }
    }

    /// Steps over `byte` if it is the next token.
    #[inline]
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek_token() == Some(byte);
        self.at += usize::from(found);
        found
    }

    #[inline]
    pub(super) fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), Problem> {
        if self.take(byte) {
            Ok(())
        } else {
            Err(Problem::Expected(what))
        }
    }

    /// Steps to the next item of an array or object: false at its `close`. `first` starts as true.
    #[inline]
    pub(super) fn next_item(&mut self, first: &mut bool, close: u8) -> Result<bool, Problem> {
        if std::mem::take(first) {
            return Ok(!self.take(close));
        }
        match self.peek_token() {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(false)
            }
            _ => Err(Problem::Expected("a comma or the end of the list")),
        }
    }

    /// The name of a field and its colon.
    pub(super) fn field_name(&mut self) -> Result<Cow<'a, str>, Problem> {
        let name = self.string("a field name")?;
        self.expect(b':', "a colon")?;
        Ok(name)
    }

    pub(super) fn boolean(&mut self) -> Result<bool, Problem> {
        match self.peek_token() {
            Some(b't') => self.word("true").map(|()| true),
            Some(b'f') => self.word("false").map(|()| false),
            _ => Err(Problem::Expected("true or false")),
        }
    }

    /// Steps over `null` if it is the next token.
    pub(super) fn take_null(&mut self) -> Result<bool, Problem> {
        match self.peek_token() {
            Some(b'n') => self.word("null").map(|()| true),
            _ => Ok(false),
        }
    }

    /// A whole number without fraction or exponent.
    pub(super) fn integer(&mut self) -> Result<i64, Problem> {
        let start = self.at;
        let text = match self.peek_token() {
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => return Err(Problem::Expected("a whole number")),
        };
        text.parse().map_err(|_| {
            self.at = start;
            match text.contains(['.', 'e', 'E']) {
                true => Problem::Expected("a whole number"),
                false => Problem::OutOfRange,
            }
        })
    }

    /// The literal text of a JSON number.
    #[inline]
    pub(super) fn number(&mut self) -> Result<&'a str, Problem> {
        let rest = self.text.get(self.at..).unwrap_or("");
        let length = rest
            .bytes()
            .position(|byte| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .unwrap_or(rest.len());
        let text = rest.get(..length).unwrap_or("");
        if !is_json_number(text.as_bytes()) {
            return Err(Problem::Expected("a JSON number"));
        }
        self.at += length;
        Ok(text)
    }

    /// Steps over a bare word.
    #[inline]
    pub(super) fn word(&mut self, word: &'static str) -> Result<(), Problem> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or(&[]);
        if !rest.starts_with(word.as_bytes()) {
            return Err(Problem::Expected(word));
        }
        self.at += word.len();
        Ok(())
    }

    /// Steps over any JSON value, at most `depth` levels deep.
    pub(super) fn skip_value(&mut self, depth: usize) -> Result<(), Problem> {
        match self.peek_token() {
            Some(b'"') => self.string("a string").map(drop),
            Some(b'-' | b'0'..=b'9') => self.number().map(drop),
            Some(b't' | b'f') => self.boolean().map(drop),
            Some(b'n') => self.word("null"),
            Some(open @ (b'[' | b'{')) => {
                let depth = depth.checked_sub(1).ok_or(Problem::TooDeep)?;
                let object = open == b'{';
                let close = if object { b'}' } else { b']' };
                self.at += 1;
                let mut first = true;
                while self.next_item(&mut first, close)? {
                    if object {
                        self.field_name()?;
                    }
                    self.skip_value(depth)?;
                }
                Ok(())
            }
            _ => Err(Problem::Expected("a JSON value")),
        }
    }
}
