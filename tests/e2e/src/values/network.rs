//! Addresses.

use super::one_of;
use crate::seed::Seed;

pub(super) fn of(name: &str, seed: &mut Seed) -> Option<String> {
    let text = match name {
        "inet" => match seed.below(3) {
            0 => one_of(
                seed,
                &[
                    "::1",
                    "::ffff:1.2.3.4/100",
                    "2001:db8::/32",
                    "0.0.0.0/0",
                    "255.255.255.255",
                ],
            )
            .to_owned(),
            _ => format!(
                "10.{}.{}.{}/{}",
                seed.below(256),
                seed.below(256),
                seed.below(256),
                seed.below(33)
            ),
        },
        "cidr" => match seed.below(3) {
            0 => one_of(seed, &["::/0", "2001:db8::/32", "0.0.0.0/0"]).to_owned(),
            _ => format!("10.{}.0.0/16", seed.below(256)),
        },
        "macaddr" => format!(
            "08:00:2b:01:{:02x}:{:02x}",
            seed.below(256),
            seed.below(256)
        ),
        "macaddr8" => format!(
            "08:00:2b:01:02:03:{:02x}:{:02x}",
            seed.below(256),
            seed.below(256)
        ),
        _ => return None,
    };
    Some(text)
}
