//! bytea as hexadecimal text and back, without the server's functions: those make a text of all of it
//! first, which ends at half a gigabyte.

use super::tuple;
use crate::refuse::refuse;
use pgrx::PgSqlErrorCode;
use pgrx::pg_sys::{self, Datum};

/// Appends the value as JSON: `"\\x00ff"`.
pub(super) fn write(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(br#""\\x"#);
    let start = out.len();
    out.resize(start + 2 * bytes.len(), 0);
    let (pairs, _) = out[start..].as_chunks_mut::<2>();
    for (pair, byte) in pairs.iter_mut().zip(bytes) {
        *pair = PAIRS[usize::from(*byte)];
    }
    out.push(b'"');
}

/// A bytea in the current memory context, from its hexadecimal text.
pub(crate) fn read(text: &str) -> Datum {
    let digits = text.strip_prefix("\\x").map(str::as_bytes);
    let Some(digits) = digits.filter(|digits| digits.len().is_multiple_of(2)) else {
        malformed()
    };
    let (pairs, _) = digits.as_chunks::<2>();
    // SAFETY: allocated with room for header and bytes; each of them is written once below.
    let (varlena, bytes) = unsafe {
        let total = pairs.len() + pg_sys::VARHDRSZ;
        let varlena = pg_sys::palloc(total).cast::<pg_sys::varlena>();
        pgrx::set_varsize_4b(varlena, total as i32);
        let bytes = varlena.cast::<u8>().add(pg_sys::VARHDRSZ);
        (
            varlena,
            core::slice::from_raw_parts_mut(bytes.cast(), pairs.len()),
        )
    };
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let (high, low) = (VALUES[usize::from(*high)], VALUES[usize::from(*low)]);
        if high > 15 || low > 15 {
            malformed()
        }
        let byte: &mut core::mem::MaybeUninit<u8> = byte;
        byte.write(high << 4 | low);
    }
    Datum::from(varlena)
}

fn malformed() -> ! {
    refuse(
        PgSqlErrorCode::ERRCODE_INVALID_TEXT_REPRESENTATION,
        "a bytea is not written in hexadecimal".into(),
        "The message is not one that officesync writes.",
        "",
    )
}

/// The two digits of every byte.
pub(super) static PAIRS: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
};

/// What every character counts as a digit; 255 for what is none.
static VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut value = 0;
    while value < 16 {
        let digit = PAIRS[value][1];
        values[digit as usize] = value as u8;
        values[digit.to_ascii_uppercase() as usize] = value as u8;
        value += 1;
    }
    values
};

/// Appends the value of a bytea column.
///
/// # Safety
/// `datum` must be a non-null bytea.
pub(super) unsafe fn write_datum(out: &mut Vec<u8>, datum: Datum) {
    // SAFETY: as promised; a detoasted copy is freed at once.
    unsafe {
        if let Some(bytes) = tuple::plain(datum) {
            return write(out, bytes);
        }
        let whole = pg_sys::pg_detoast_datum_packed(datum.cast_mut_ptr());
        if let Some(bytes) = tuple::plain(Datum::from(whole)) {
            super::output::room(out, 2 * bytes.len());
            write(out, bytes);
        }
        pg_sys::pfree(whole.cast());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_digits_a_byte() {
        let mut out = Vec::new();
        write(&mut out, &[0, 9, 0x1f, 0xff]);
        assert_eq!(out, br#""\\x00091fff""#);
    }

    #[test]
    fn digits_of_either_case_and_nothing_else() {
        assert_eq!(VALUES.iter().filter(|value| **value < 16).count(), 22);
        assert_eq!((VALUES[b'a' as usize], VALUES[b'F' as usize]), (10, 15));
        assert_eq!(VALUES[b'g' as usize], 255);
    }
}
