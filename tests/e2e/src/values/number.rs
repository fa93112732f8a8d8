//! Numbers, booleans, bits, money, uuid.

use super::one_of;
use crate::seed::Seed;

pub(super) fn of(name: &str, seed: &mut Seed) -> Option<String> {
    let text = match name {
        "bool" => one_of(seed, &["t", "f"]).to_owned(),
        "int2" => integer(seed, i16::MIN.into(), i16::MAX.into()),
        "int4" => integer(seed, i32::MIN.into(), i32::MAX.into()),
        "int8" => integer(seed, i64::MIN, i64::MAX),
        "numeric" => numeric(seed),
        "float4" => {
            let number = f64::from(f32::from_bits(seed.draw() as u32));
            float(seed, number, "3.4028235e+38")
        }
        "float8" => {
            let number = f64::from_bits(seed.draw());
            float(seed, number, "1.7976931348623157e+308")
        }
        "money" => match seed.below(4) {
            0 => "-92233720368547758.08".to_owned(),
            1 => "92233720368547758.07".to_owned(),
            _ => format!(
                "{}{}.{:02}",
                one_of(seed, &["", "-"]),
                seed.below(10_000_000),
                seed.below(100)
            ),
        },
        "bit" => one_of(seed, &["0", "1"]).to_owned(),
        "varbit" => (0..seed.below(20))
            .map(|_| one_of(seed, &["0", "1"]))
            .collect(),
        "uuid" => seed.uuid(),
        "bytea" => {
            let bytes = (0..seed.below(12)).map(|_| format!("{:02x}", seed.below(256)));
            format!("\\x{}", bytes.collect::<String>())
        }
        _ => return None,
    };
    Some(text)
}

fn integer(seed: &mut Seed, low: i64, high: i64) -> String {
    match seed.below(5) {
        0 => low,
        1 => high,
        2 => 0,
        _ => seed.below(65_536) as i64 - 32_768,
    }
    .to_string()
}

fn numeric(seed: &mut Seed) -> String {
    match seed.below(8) {
        0 => "NaN".to_owned(),
        1 => one_of(seed, &["Infinity", "-Infinity"]).to_owned(),
        2 => format!("1.{}", "0".repeat(seed.below(5) as usize + 1)),
        // A thousand digits.
        3 => {
            let digits: String = (0..999)
                .map(|_| char::from(b'0' + seed.below(10) as u8))
                .collect();
            format!("-7{digits}.{:03}", seed.below(1_000))
        }
        4 => format!("0.{}1", "0".repeat(seed.below(40) as usize)),
        _ => format!(
            "{}.{:02}",
            seed.below(100_000) as i64 - 50_000,
            seed.below(100)
        ),
    }
}

fn float(seed: &mut Seed, random: f64, most: &str) -> String {
    match seed.below(7) {
        0 => "NaN".to_owned(),
        1 => one_of(seed, &["Infinity", "-Infinity"]).to_owned(),
        2 => "-0".to_owned(),
        3 => most.to_owned(),
        4 => "0.30000000000000004".to_owned(),
        _ if random.is_finite() => format!("{random:e}"),
        _ => "0.1".to_owned(),
    }
}
