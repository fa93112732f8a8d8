//! Dates, times and intervals, from before Christ to infinity.

use super::one_of;
use crate::seed::Seed;

pub(super) fn of(name: &str, seed: &mut Seed) -> Option<String> {
    let text = match name {
        "date" => match seed.below(6) {
            0 => one_of(
                seed,
                &[
                    "infinity",
                    "-infinity",
                    "4713-11-24 BC",
                    "5874897-12-31",
                    "12345-06-07",
                ],
            )
            .to_owned(),
            1 => format!("{} BC", ancient(seed)),
            _ => date(seed),
        },
        "time" => match seed.below(6) {
            0 => "24:00:00".to_owned(),
            _ => time(seed),
        },
        "timetz" => format!("{}{}", time(seed), zone(seed)),
        "timestamp" => timestamp(seed),
        "timestamptz" => {
            let text = timestamp(seed);
            match text.strip_suffix(" BC") {
                _ if text.ends_with("infinity") => text,
                Some(plain) => format!("{plain}{} BC", zone(seed)),
                // The last day of all has no room for a zone.
                None if text.starts_with("294276") => format!("{text}+00"),
                None => format!("{text}{}", zone(seed)),
            }
        }
        "interval" => one_of(
            seed,
            &[
                "0",
                "0 days",
                "-1 days +02:03:04.000005",
                "1 year -2 mons 3 days -04:05:06.7",
                "-1 year -2 mons +3 days",
                "178000000 years",
                "-00:00:00.000001",
                "1 mon -1 day",
                "24:00:00",
                "1 day -24:00:00",
            ],
        )
        .to_owned(),
        _ => return None,
    };
    Some(text)
}

/// A day of the common kind.
fn date(seed: &mut Seed) -> String {
    format!(
        "{:04}-{:02}-{:02}",
        1 + seed.below(9_998),
        1 + seed.below(12),
        1 + seed.below(28)
    )
}

/// A day before Christ that the types have room for.
fn ancient(seed: &mut Seed) -> String {
    format!("{:04}{}", 1 + seed.below(4_000), &date(seed)[4..])
}

fn time(seed: &mut Seed) -> String {
    let text = format!(
        "{:02}:{:02}:{:02}",
        seed.below(24),
        seed.below(60),
        seed.below(60)
    );
    match seed.below(3) {
        0 => text,
        1 => format!("{text}.{:06}", seed.below(1_000_000)),
        _ => format!("{text}.{}", seed.below(10)),
    }
}

fn timestamp(seed: &mut Seed) -> String {
    match seed.below(7) {
        0 => one_of(seed, &["infinity", "-infinity"]).to_owned(),
        1 => "294276-12-31 23:59:59.999999".to_owned(),
        2 => format!("{} {} BC", ancient(seed), time(seed)),
        3 => format!("{}-01-01 {}", 10_000 + seed.below(80_000), time(seed)),
        _ => format!("{} {}", date(seed), time(seed)),
    }
}

fn zone(seed: &mut Seed) -> &'static str {
    one_of(seed, &["+00", "+05:30", "-08", "+14", "-11:45"])
}
