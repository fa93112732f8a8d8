//! Settings of sessions: none of them may show in what arrives.

use crate::seed::Seed;
use crate::values::one_of;

const SETTINGS: &[(&str, &[&str])] = &[
    (
        "datestyle",
        &[
            "'German, DMY'",
            "'SQL, MDY'",
            "'Postgres, DMY'",
            "'ISO, YMD'",
        ],
    ),
    (
        "intervalstyle",
        &["sql_standard", "postgres_verbose", "iso_8601", "postgres"],
    ),
    (
        "timezone",
        &[
            "'Asia/Kolkata'",
            "'America/St_Johns'",
            "'UTC'",
            "'<+13>-13'",
        ],
    ),
    ("extra_float_digits", &["0", "-15", "3", "1"]),
    ("bytea_output", &["escape", "hex"]),
    ("lc_monetary", &["'C'", "'C.UTF-8'"]),
    (
        "search_path",
        &["''", "public", "pg_catalog, public", "pg_temp, public"],
    ),
    ("xmloption", &["document", "content"]),
    ("xmlbinary", &["hex", "base64"]),
    ("standard_conforming_strings", &["on"]),
    ("quote_all_identifiers", &["on", "off"]),
    ("array_nulls", &["on"]),
    ("synchronous_commit", &["off", "on"]),
    (
        "plan_cache_mode",
        &["force_generic_plan", "force_custom_plan", "auto"],
    ),
    ("row_security", &["on", "off"]),
];

/// Some settings, for a session from now on.
pub fn random(seed: &mut Seed) -> String {
    let mut sql = String::new();
    for (name, choices) in SETTINGS {
        if seed.chance(25) {
            sql.push_str(&format!("SET {name} = {}; ", one_of(seed, choices)));
        }
    }
    sql
}
