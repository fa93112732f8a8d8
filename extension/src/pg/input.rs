//! Canonical text -> values of a column's type.
//!
//! The counterpart of [`crate::pg::output`]: common types are read by hand, where their text has the form
//! in which it is written; all else goes through the type's input function.

use crate::civil;
use crate::pg::bytea;
use core::ffi::c_char;
use pgrx::pg_sys::{self, Datum, Oid};

/// How a column's values are read.
pub(crate) struct Input {
    kind: Kind,
    function: Box<pg_sys::FmgrInfo>,
    element: Oid,
    modifier: i32,
}

#[derive(Clone, Copy)]
enum Kind {
    Int2,
    Int4,
    Int8,
    Boolean,
    Text,
    Uuid,
    Float8,
    Date,
    Timestamp,
    TimestampTz,
    Bytea,
    Other,
}

impl Input {
    /// For a column of `type_id` with that type modifier.
    pub(crate) fn of(type_id: Oid, modifier: i32) -> Self {
        let mut function = pg_sys::InvalidOid;
        let mut element = pg_sys::InvalidOid;
        let mut info = Box::new(pg_sys::FmgrInfo::default());
        // SAFETY: both fill what they are given; the top memory context outlives every use.
        unsafe {
            pg_sys::getTypeInputInfo(type_id, &mut function, &mut element);
            pg_sys::fmgr_info_cxt(function, &mut *info, pg_sys::TopMemoryContext);
        }
        let kind = match type_id {
            pg_sys::INT2OID => Kind::Int2,
            pg_sys::INT4OID => Kind::Int4,
            pg_sys::INT8OID => Kind::Int8,
            pg_sys::BOOLOID => Kind::Boolean,
            pg_sys::TEXTOID => Kind::Text,
            pg_sys::VARCHAROID if modifier < 0 => Kind::Text,
            pg_sys::UUIDOID => Kind::Uuid,
            pg_sys::FLOAT8OID => Kind::Float8,
            pg_sys::DATEOID => Kind::Date,
            pg_sys::TIMESTAMPOID if modifier < 0 => Kind::Timestamp,
            pg_sys::TIMESTAMPTZOID if modifier < 0 => Kind::TimestampTz,
            pg_sys::BYTEAOID => Kind::Bytea,
            _ => Kind::Other,
        };
        Self {
            kind,
            function: info,
            element,
            modifier,
        }
    }

    /// The value, in the current memory context where it is not a plain number.
    #[inline]
    pub(crate) fn read(&self, text: &str) -> Datum {
        self.read_by_hand(text)
            .unwrap_or_else(|| self.call(Some(text)))
    }

    /// NULL, which a domain may refuse.
    pub(crate) fn read_null(&self) {
        if matches!(self.kind, Kind::Other) && !self.function.fn_strict {
            self.call(None);
        }
    }

    #[inline]
    fn read_by_hand(&self, text: &str) -> Option<Datum> {
        match self.kind {
            Kind::Int2 => text.parse::<i16>().ok().map(Datum::from),
            Kind::Int4 => text.parse::<i32>().ok().map(Datum::from),
            Kind::Int8 => text.parse::<i64>().ok().map(Datum::from),
            Kind::Boolean => match text {
                "true" | "t" => Some(Datum::from(true)),
                "false" | "f" => Some(Datum::from(false)),
                _ => None,
            },
            // SAFETY: copies that many bytes into a new text.
            Kind::Text => Some(Datum::from(unsafe {
                pg_sys::cstring_to_text_with_len(text.as_ptr().cast(), text.len() as i32)
            })),
            Kind::Uuid => read_uuid(text.as_bytes()),
            Kind::Float8 => read_float(text),
            Kind::Date => civil::read_date(text.as_bytes()).map(Datum::from),
            Kind::Timestamp => civil::read_timestamp(text.as_bytes(), false).map(Datum::from),
            Kind::TimestampTz => civil::read_timestamp(text.as_bytes(), true).map(Datum::from),
            Kind::Bytea => text.starts_with("\\x").then(|| bytea::read(text)),
            Kind::Other => None,
        }
    }

    fn call(&self, text: Option<&str>) -> Datum {
        // SAFETY: the function is the type's own; the text is copied to where a NUL ends it (it holds
        // none: the reader of lines refuses that).
        unsafe {
            let copy = text.map_or(core::ptr::null_mut(), |text| {
                pg_sys::pnstrdup(text.as_ptr().cast::<c_char>(), text.len())
            });
            let function = core::ptr::from_ref(&*self.function).cast_mut();
            pg_sys::InputFunctionCall(function, copy, self.element, self.modifier)
        }
    }
}

/// Digits, as PostgreSQL writes them; what is not in range, or a word, is left to the server.
fn read_float(text: &str) -> Option<Datum> {
    let number: f64 = text.parse().ok()?;
    let is_plain = text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e'));
    (is_plain && number.is_finite()).then(|| Datum::from(number.to_bits() as usize))
}

fn read_uuid(text: &[u8]) -> Option<Datum> {
    let text: &[u8; 36] = text.try_into().ok()?;
    let mut bytes = [0_u8; 16];
    let mut at = 0;
    for (nth, byte) in bytes.iter_mut().enumerate() {
        if matches!(nth, 4 | 6 | 8 | 10) {
            if text[at] != b'-' {
                return None;
            }
            at += 1;
        }
        *byte = hex(text[at])? << 4 | hex(text[at + 1])?;
        at += 2;
    }
    // SAFETY: sixteen bytes are allocated and filled.
    unsafe {
        let value = pg_sys::palloc(16).cast::<u8>();
        core::ptr::copy_nonoverlapping(bytes.as_ptr(), value, 16);
        Some(Datum::from(value))
    }
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
