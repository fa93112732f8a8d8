//! Hashes of values that are the same for values that are equal, however they are written: 1.0 and 1.00,
//! citext, char(n), collations that do not tell cases apart.

use crate::pg::input::Input;
use pgrx::pg_sys::{self, Datum, Oid};

/// How the values of a column are hashed.
pub(crate) enum Hashing {
    /// Equal values have one canonical text.
    Text,
    /// By the type's own hash function.
    Function {
        input: Box<Input>,
        entry: *mut pg_sys::TypeCacheEntry,
        collation: Oid,
    },
}

impl Hashing {
    /// For a column of that type and collation.
    pub(crate) fn of(type_id: Oid, modifier: i32, collation: Oid) -> Self {
        let plain = match type_id {
            pg_sys::INT2OID
            | pg_sys::INT4OID
            | pg_sys::INT8OID
            | pg_sys::BOOLOID
            | pg_sys::UUIDOID
            | pg_sys::DATEOID
            | pg_sys::TIMESTAMPOID
            | pg_sys::TIMESTAMPTZOID
            | pg_sys::BYTEAOID => true,
            pg_sys::TEXTOID | pg_sys::VARCHAROID => {
                // SAFETY: a look into the catalogue by id.
                collation == pg_sys::InvalidOid
                    || unsafe { pg_sys::get_collation_isdeterministic(collation) }
            }
            _ => false,
        };
        if plain {
            return Self::Text;
        }
        // SAFETY: entries of the type cache live as long as the session.
        let entry = unsafe {
            pg_sys::lookup_type_cache(type_id, pg_sys::TYPECACHE_HASH_EXTENDED_PROC_FINFO as i32)
        };
        // SAFETY: as above.
        if unsafe { (*entry).hash_extended_proc_finfo.fn_oid } == pg_sys::InvalidOid {
            return Self::Text;
        }
        Self::Function {
            input: Box::new(Input::of(type_id, modifier)),
            entry,
            collation,
        }
    }

    /// Appends what stands for a value to `out`: its text, or two hashes by the type's function.
    pub(crate) fn append(&self, text: &str, out: &mut Vec<u8>) {
        match self {
            Self::Text => out.extend_from_slice(text.as_bytes()),
            Self::Function {
                input,
                entry,
                collation,
            } => {
                let value = input.read(text);
                for seed in [0_u64, 0x9e37_79b9_7f4a_7c15] {
                    // SAFETY: the function is the type's extended hash function: a value and a seed.
                    let hash = unsafe {
                        let function = &raw mut (**entry).hash_extended_proc_finfo;
                        pg_sys::FunctionCall2Coll(function, *collation, value, Datum::from(seed))
                    };
                    out.extend_from_slice(&hash.value().to_le_bytes());
                }
            }
        }
    }
}
