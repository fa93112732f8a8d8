//! One value -> JSON, in the canonical text of the wire format.
//!
//! The common types are written by hand, all others through their output function; the regression
//! test `values` holds the two against each other.

use crate::civil;
use crate::pg::settings::Needs;
use crate::pg::{bytea, catalog, ffi, tuple};
use crate::refuse;
use core::ffi::CStr;
use officesync_wire::decode::MAX_LINE_BYTES;
use officesync_wire::encode;
use pgrx::{PgSqlErrorCode, pg_sys};

/// How a column's values are written; chosen once per table and session.
pub(crate) enum Writer {
    Int2,
    Int4,
    Int8,
    Boolean,
    /// text, varchar, bpchar, json: the bytes are the text.
    Text,
    Bytea,
    Uuid,
    Float8,
    Date,
    Timestamp,
    TimestampTz,
    /// numeric: the output function, then bare where it is a JSON number.
    Numeric(Box<pg_sys::FmgrInfo>),
    /// Any other type.
    Function {
        output: Box<pg_sys::FmgrInfo>,
        needs: Needs,
    },
}

impl Writer {
    /// The writer for values of `type_id`.
    pub(crate) fn for_type(type_id: pg_sys::Oid) -> Self {
        match type_id {
            pg_sys::INT2OID => Self::Int2,
            pg_sys::INT4OID => Self::Int4,
            pg_sys::INT8OID => Self::Int8,
            pg_sys::BOOLOID => Self::Boolean,
            pg_sys::TEXTOID | pg_sys::VARCHAROID | pg_sys::BPCHAROID | pg_sys::JSONOID => {
                Self::Text
            }
            pg_sys::BYTEAOID => Self::Bytea,
            pg_sys::UUIDOID => Self::Uuid,
            pg_sys::FLOAT8OID => Self::Float8,
            pg_sys::DATEOID => Self::Date,
            pg_sys::TIMESTAMPOID => Self::Timestamp,
            pg_sys::TIMESTAMPTZOID => Self::TimestampTz,
            pg_sys::NUMERICOID => Self::Numeric(output_function(type_id)),
            _ => Self::Function {
                output: output_function(type_id),
                needs: if catalog::type_contains(type_id, &is_named_or_money) {
                    Needs::Names
                } else {
                    Needs::Formats
                },
            },
        }
    }

    /// Which settings the text may depend on, so that they must be pinned around it.
    pub(crate) fn depends_on(&self) -> Needs {
        match self {
            Self::Function { needs, .. } => *needs,
            Self::Date | Self::Timestamp | Self::TimestampTz => Needs::Formats,
            _ => Needs::Nothing,
        }
    }

    /// Appends `datum` to `out`.
    #[inline]
    pub(crate) fn write(&self, out: &mut Vec<u8>, datum: pg_sys::Datum) {
        match self {
            Self::Int2 => encode::integer(out, i64::from(datum.value() as i16)),
            Self::Int4 => encode::integer(out, i64::from(datum.value() as i32)),
            Self::Int8 => encode::integer(out, datum.value() as i64),
            Self::Boolean => encode::boolean(out, datum.value() as u8 != 0),
            Self::Text => write_text(out, datum),
            // SAFETY: the column is of this type, and the value is not null.
            Self::Bytea => unsafe { bytea::write_datum(out, datum) },
            Self::Uuid => write_uuid(out, datum),
            Self::Float8 => write_float(out, f64::from_bits(datum.value() as u64)),
            Self::Date => match civil::date(datum.value() as i32) {
                Some(text) => quoted(out, &text),
                None => write_other(out, datum, &output_function(pg_sys::DATEOID)),
            },
            Self::Timestamp => match civil::timestamp(datum.value() as i64) {
                Some(text) => quoted(out, text.as_bytes()),
                None => write_other(out, datum, &output_function(pg_sys::TIMESTAMPOID)),
            },
            Self::TimestampTz => match civil::timestamp(datum.value() as i64) {
                Some(text) => quoted(out, text.with_utc_offset().as_bytes()),
                None => write_other(out, datum, &output_function(pg_sys::TIMESTAMPTZOID)),
            },
            Self::Numeric(function) => {
                with_output(function, datum, |text| encode::raw_number(out, text));
            }
            Self::Function { output, .. } => write_other(out, datum, output),
        }
    }
}

/// Whether a type's text depends on the search path or on lc_monetary: names of catalogue objects are
/// qualified only where needed, and money is written in the session's currency.
fn is_named_or_money(type_id: pg_sys::Oid) -> bool {
    matches!(
        type_id,
        pg_sys::MONEYOID
            | pg_sys::REGCLASSOID
            | pg_sys::REGCOLLATIONOID
            | pg_sys::REGCONFIGOID
            | pg_sys::REGDICTIONARYOID
            | pg_sys::REGNAMESPACEOID
            | pg_sys::REGOPERATOROID
            | pg_sys::REGOPEROID
            | pg_sys::REGPROCEDUREOID
            | pg_sys::REGPROCOID
            | pg_sys::REGROLEOID
            | pg_sys::REGTYPEOID
    )
}

fn output_function(type_id: pg_sys::Oid) -> Box<pg_sys::FmgrInfo> {
    let mut function = pg_sys::InvalidOid;
    let mut is_varlena = false;
    let mut info = Box::new(pg_sys::FmgrInfo::default());
    // SAFETY: both fill what they are given; the top memory context outlives every use.
    unsafe {
        pg_sys::getTypeOutputInfo(type_id, &mut function, &mut is_varlena);
        pg_sys::fmgr_info_cxt(function, &mut *info, pg_sys::TopMemoryContext);
    }
    info
}

fn with_output(function: &pg_sys::FmgrInfo, datum: pg_sys::Datum, take: impl FnOnce(&[u8])) {
    // SAFETY: the datum is of the function's type; the result is a NUL-terminated string in the
    // trigger's short-lived memory context, freed at once because rows may be large.
    unsafe {
        let text = pg_sys::OutputFunctionCall(core::ptr::from_ref(function).cast_mut(), datum);
        take(CStr::from_ptr(text).to_bytes());
        pg_sys::pfree(text.cast());
    }
}

fn write_other(out: &mut Vec<u8>, datum: pg_sys::Datum, function: &pg_sys::FmgrInfo) {
    with_output(function, datum, |text| {
        room(out, text.len());
        encode::string(out, text);
    });
}

/// Makes room for a value that may be large; where there is none, or the line would be longer than
/// anyone reads, that is an error and not the end of the process.
pub(super) fn room(out: &mut Vec<u8>, bytes: usize) {
    /// Escapes lengthen a text; a few are allowed for at once.
    const ESCAPES: usize = 64;
    let line = out.len() + bytes;
    if line > MAX_LINE_BYTES {
        refuse::refuse(
            PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            format!("more than {MAX_LINE_BYTES} bytes of text in one row"),
            "",
            "",
        );
    }
    if out.try_reserve(bytes + bytes / ESCAPES + 8).is_err() {
        refuse::no_memory(line);
    }
}

#[inline]
fn write_text(out: &mut Vec<u8>, datum: pg_sys::Datum) {
    // SAFETY: the column is a varlena type whose payload is text in the database's encoding,
    // which `set_office` has found to be UTF-8. A detoasted copy is freed at once.
    unsafe {
        if let Some(text) = tuple::plain(datum) {
            return encode::string(out, text);
        }
        let whole = pg_sys::pg_detoast_datum_packed(datum.cast_mut_ptr());
        if let Some(text) = tuple::plain(pg_sys::Datum::from(whole)) {
            room(out, text.len());
            encode::string(out, text);
        }
        pg_sys::pfree(whole.cast());
    }
}

#[inline]
fn write_uuid(out: &mut Vec<u8>, datum: pg_sys::Datum) {
    // SAFETY: a uuid is 16 bytes behind the pointer.
    let bytes = unsafe { &*datum.cast_mut_ptr::<[u8; 16]>() };
    let mut text = [b'-'; 36];
    let mut at = 0;
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at..at + 2].copy_from_slice(&bytea::PAIRS[usize::from(*byte)]);
        at += 2;
    }
    quoted(out, &text);
}

#[inline]
fn write_float(out: &mut Vec<u8>, value: f64) {
    if encode::short_decimal(out, value) {
        return;
    }
    let mut text = [0_u8; 32];
    // SAFETY: the buffer is longer than the 25 bytes the function may write.
    let length = unsafe { ffi::double_to_shortest_decimal_buf(value, text.as_mut_ptr().cast()) };
    let length = (length.max(0) as usize).min(text.len());
    encode::raw_number(out, &text[..length]);
}

/// Appends text that needs no escaping.
#[inline]
fn quoted(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    out.extend_from_slice(text);
    out.push(b'"');
}
