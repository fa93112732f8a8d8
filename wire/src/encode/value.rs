//! One value as JSON. This is the hottest code of the crate: capture runs it once a column of every
//! changed row, so plain text is copied in whole runs and only what JSON demands is escaped.

use super::number::is_json_number;

/// Appends `text` as a JSON string with its quotes.
///
/// `text` must be valid UTF-8 without NUL, as PostgreSQL's text output in a UTF-8 database is; bytes
/// from 0x80 on are copied as they are.
#[inline]
pub fn string(out: &mut Vec<u8>, text: &[u8]) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut rest = text;
    while let Some(at) = next_escape(rest) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        rest = dense(out, tail);
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Appends a whole number.
#[inline]
pub fn integer(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a whole number that cannot be negative.
#[inline]
pub fn unsigned(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a bare `true` or `false`; readers turn it into PostgreSQL's `t` or `f`.
#[inline]
pub fn boolean(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Appends SQL NULL.
#[inline]
pub fn null(out: &mut Vec<u8>) {
    out.extend_from_slice(b"null");
}

/// Appends the text output of a numeric or float: bare when it is a JSON number as it stands, else
/// (`NaN`, `Infinity`, `.5`) as a string. The text itself is never changed.
#[inline]
pub fn raw_number(out: &mut Vec<u8>, text: &[u8]) {
    if is_json_number(text) {
        out.extend_from_slice(text);
    } else {
        string(out, text);
    }
}

const LOW_BITS: u64 = u64::from_ne_bytes([0x01; 8]);
const HIGH_BITS: u64 = u64::from_ne_bytes([0x80; 8]);

/// The offset of the first byte that JSON wants escaped. Eight bytes are looked at at a time.
#[inline]
pub(crate) fn next_escape(text: &[u8]) -> Option<usize> {
    let (words, tail) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let found = escapes_in(u64::from_le_bytes(*word));
        if found != 0 {
            return Some(index * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    tail.iter()
        .position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\')
        .map(|at| words.len() * 8 + at)
}

/// The high bit of each byte of `word` that is a control character, a quote or a backslash.
///
/// A borrow can set bits above a true hit, never below one, so the lowest set bit is exact.
#[inline]
const fn escapes_in(word: u64) -> u64 {
    let control = word.wrapping_sub(LOW_BITS * 0x20);
    let quote = (word ^ (LOW_BITS * b'"' as u64)).wrapping_sub(LOW_BITS);
    let backslash = (word ^ (LOW_BITS * b'\\' as u64)).wrapping_sub(LOW_BITS);
    (control | quote | backslash) & !word & HIGH_BITS
}

/// Appends text byte by byte, as is best where escapes stand close together (jsonb); returns the rest
/// once a run of plain bytes says that whole runs pay again.
#[inline(never)]
fn dense<'t>(out: &mut Vec<u8>, text: &'t [u8]) -> &'t [u8] {
    const PLAIN_RUN: usize = 32;
    let mut plain = 0;
    let mut bytes = text.iter();
    for &byte in bytes.by_ref() {
        match ESCAPES[usize::from(byte)] {
            0 => {
                out.push(byte);
                plain += 1;
                if plain == PLAIN_RUN {
                    break;
                }
            }
            short => {
                plain = 0;
                if short == b'u' {
                    let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
                    out.extend_from_slice(b"\\u00");
                    out.extend_from_slice(&digits);
                } else {
                    out.extend_from_slice(&[b'\\', short]);
                }
            }
        }
    }
    bytes.as_slice()
}

const HEX: [u8; 16] = *b"0123456789abcdef";

/// What stands behind the backslash for each byte: 0 where it needs none.
static ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = b'u';
        byte += 1;
    }
    table[0x08] = b'b';
    table[b'\t' as usize] = b't';
    table[b'\n' as usize] = b'n';
    table[0x0c] = b'f';
    table[b'\r' as usize] = b'r';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str) -> String {
        let mut out = Vec::new();
        string(&mut out, text.as_bytes());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn plain_text_is_copied() {
        assert_eq!(encoded(""), r#""""#);
        assert_eq!(encoded("Grüße \u{7f} 漢字 🦀"), "\"Grüße \u{7f} 漢字 🦀\"");
    }

    #[test]
    fn every_byte_at_every_offset_agrees_with_serde_json() {
        for code in 0..0x180_u32 {
            let hostile = char::from_u32(code).unwrap();
            for before in 0..17 {
                let text = format!("{}{hostile}{hostile}tail of it", "x".repeat(before));
                assert_eq!(encoded(&text), serde_json::to_string(&text).unwrap());
            }
        }
    }

    #[test]
    fn numbers_keep_their_text() {
        for (text, json) in [
            ("1.50", "1.50"),
            ("-3", "-3"),
            ("1e+20", "1e+20"),
            ("NaN", "\"NaN\""),
        ] {
            let mut out = Vec::new();
            raw_number(&mut out, text.as_bytes());
            assert_eq!(String::from_utf8(out).unwrap(), json);
        }
    }

    #[test]
    fn scalars() {
        let mut out = Vec::new();
        integer(&mut out, i64::MIN);
        unsigned(&mut out, u64::MAX);
        boolean(&mut out, true);
        boolean(&mut out, false);
        null(&mut out);
        assert_eq!(
            out,
            b"-922337203685477580818446744073709551615truefalsenull"
        );
    }
}
