//! Points and what is made of them.

use super::one_of;
use crate::seed::Seed;

pub(super) fn of(name: &str, seed: &mut Seed) -> Option<String> {
    let (a, b, c) = (point(seed), point(seed), finite(seed));
    let text = match name {
        "point" => a,
        "lseg" => format!("[{a},{b}]"),
        "box" => format!("{a},{b}"),
        "path" if seed.chance(50) => format!("[{a},{b}]"),
        "path" => format!("({a},{b},(0,0))"),
        "polygon" => format!("({a},{b},(3,4))"),
        "circle" => format!("<{c},{}>", seed.below(100)),
        "line" => format!(
            "{{{},1,{}}}",
            seed.below(10),
            one_of(seed, &["0.1", "-0", "1e-30"])
        ),
        _ => return None,
    };
    Some(text)
}

fn point(seed: &mut Seed) -> String {
    match seed.below(6) {
        0 => one_of(seed, &["(NaN,1)", "(Infinity,-Infinity)", "(-0,0)"]).to_owned(),
        _ => finite(seed),
    }
}

fn finite(seed: &mut Seed) -> String {
    format!(
        "({}.{},{})",
        seed.below(100) as i64 - 50,
        seed.below(1_000),
        one_of(seed, &["0.1", "1e-300", "0.30000000000000004", "7"])
    )
}
