//! Ranges and multiranges: empty, open, closed, endless.

use super::one_of;
use crate::seed::Seed;

pub(super) fn of(name: &str, seed: &mut Seed) -> Option<String> {
    if let Some(element) = name.strip_suffix("multirange") {
        return multirange(element, seed);
    }
    let element = name.strip_suffix("range")?;
    if seed.chance(15) {
        return Some("empty".to_owned());
    }
    let from = seed.below(500);
    let to = from + 1 + seed.below(400);
    range(element, from, to, seed)
}

fn multirange(element: &str, seed: &mut Seed) -> Option<String> {
    let parts: Option<Vec<String>> = (0..seed.below(4))
        .map(|nth| {
            range(
                element,
                nth * 1_000 + seed.below(400),
                nth * 1_000 + 500,
                seed,
            )
        })
        .collect();
    Some(format!("{{{}}}", parts?.join(",")))
}

fn range(element: &str, from: u64, to: u64, seed: &mut Seed) -> Option<String> {
    let (low, high) = (bound(element, from)?, bound(element, to)?);
    let (open, close) = (one_of(seed, &["[", "("]), one_of(seed, &["]", ")"]));
    Some(match seed.below(10) {
        0 => format!("(,\"{high}\"{close}"),
        1 => format!("{open}\"{low}\",)"),
        2 => "(,)".to_owned(),
        3 if element.starts_with("ts") => format!("[\"{low}\",infinity)"),
        _ => format!("{open}\"{low}\",\"{high}\"{close}"),
    })
}

/// The `nth` value of a growing sequence.
fn bound(element: &str, nth: u64) -> Option<String> {
    Some(match element {
        "int4" | "int8" => (nth as i64 - 250).to_string(),
        "num" => format!("{}.{:03}", nth, nth % 1_000),
        "date" => format!("{:04}-02-03", 1 + nth),
        "ts" => format!("{:04}-02-03 04:05:06.{:06}", 1 + nth, nth),
        "tstz" => format!("{:04}-02-03 04:05:06.7{}", 1 + nth, "+05:30"),
        _ => return None,
    })
}
