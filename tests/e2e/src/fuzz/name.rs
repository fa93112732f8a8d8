//! Names that break careless quoting.

use crate::seed::Seed;

/// The longest name PostgreSQL keeps, in bytes.
const LONGEST: usize = 63;

/// `plain`, or something around it that has to be quoted. Different for different `plain`.
pub(super) fn hostile(seed: &mut Seed, plain: &str) -> String {
    match seed.below(14) {
        0 => format!("{plain} \"quoted\""),
        1 => format!("{plain}.dotted.name"),
        2 => format!("{plain} it's"),
        3 => format!("{plain} Ünï☃ \u{1f600}"),
        4 => format!("{plain}\\n %s $1 {{}} --"),
        5 => format!("{plain}\nline; SELECT"),
        6 => format!("{}_{}", plain.to_uppercase(), plain),
        7 => {
            let mut long = format!("{plain}\"é");
            long.push_str(&"x".repeat(LONGEST - long.len()));
            long
        }
        _ => plain.to_owned(),
    }
}

/// The name as an SQL identifier.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
