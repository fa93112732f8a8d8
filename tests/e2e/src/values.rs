//! Random values of every built-in type, as the text a user would type.
//!
//! [`of`] knows each type by its name in the catalogue, so that a type nobody thought of shows as a missing name.

mod array;
mod geometry;
mod network;
mod number;
mod range;
mod system;
mod text;
mod time;

use crate::seed::Seed;

pub use array::quoted as quoted_element;
pub use text::{anything as any_text, json};

/// A random value of the `pg_catalog` type `name` (`_name` is its array), or `None` for a type not known here.
pub fn of(name: &str, seed: &mut Seed) -> Option<String> {
    if let Some(element) = name.strip_prefix('_') {
        return array::of(element, seed);
    }
    number::of(name, seed)
        .or_else(|| text::of(name, seed))
        .or_else(|| time::of(name, seed))
        .or_else(|| range::of(name, seed))
        .or_else(|| network::of(name, seed))
        .or_else(|| geometry::of(name, seed))
        .or_else(|| system::of(name, seed))
}

/// Why no user can store values of this type, if that is so.
pub fn not_storable(name: &str) -> Option<&'static str> {
    match name {
        "pg_node_tree" | "pg_ndistinct" | "pg_dependencies" | "pg_mcv_list" => {
            Some("its input function refuses every value")
        }
        "pg_brin_bloom_summary" | "pg_brin_minmax_multi_summary" => {
            Some("its input function refuses every value")
        }
        "cstring" => {
            Some("it is a pseudo type, and PostgreSQL allows no column of its array either")
        }
        "gtsvector" => Some("it lives in indexes only; its input function refuses every value"),
        _ => None,
    }
}

/// Whether what [`of`] gives for the type is the very text PostgreSQL prints under the pinned settings.
pub fn canonical(name: &str) -> bool {
    matches!(
        name,
        "bool"
            | "bytea"
            | "int2"
            | "int4"
            | "int8"
            | "numeric"
            | "json"
            | "text"
            | "varchar"
            | "uuid"
            | "oid"
            | "xid"
            | "cid"
            | "xid8"
            | "bit"
            | "varbit"
            | "refcursor"
            | "pg_lsn"
            | "tid"
            | "name"
    )
}

/// `value` as an SQL literal.
pub fn literal(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// One of these.
pub fn one_of<'a>(seed: &mut Seed, choices: &[&'a str]) -> &'a str {
    choices[seed.below(choices.len() as u64) as usize]
}
