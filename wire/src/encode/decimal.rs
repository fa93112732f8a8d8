//! Prices, amounts, measures: floats that are a number of few decimals, written without searching for the
//! shortest text.
//!
//! `n / 10^6` is rounded correctly, so a float that equals it is what its decimal text reads back as. And no
//! shorter text does: two decimals of at most 15 digits never stand for the same float.

/// As many as are looked for.
const DECIMALS: usize = 6;
const SCALE: f64 = 1e6;
const UNIT: u64 = 1_000_000;
/// Below this PostgreSQL writes an exponent: 0.0001.
const LEAST: u64 = 100;
/// Up to here `n` and the float have no more than 15 digits.
const MOST: f64 = 1e15;

/// Appends the shortest text that reads back as `value`, as PostgreSQL writes it, where it has at most six
/// decimals; else appends nothing and returns false.
#[inline]
pub fn short_decimal(out: &mut Vec<u8>, value: f64) -> bool {
    let scaled = (value.abs() * SCALE + 0.5).min(MOST) as u64;
    if scaled as f64 / SCALE != value.abs() || scaled < LEAST || scaled as f64 >= MOST {
        return false;
    }
    if value < 0.0 {
        out.push(b'-');
    }
    out.extend_from_slice(itoa::Buffer::new().format(scaled / UNIT).as_bytes());
    let mut rest = scaled % UNIT;
    if rest == 0 {
        return true;
    }
    let mut text = [b'.'; DECIMALS + 1];
    let mut end = 1;
    for (place, digit) in text.iter_mut().enumerate().skip(1).rev() {
        *digit = b'0' + (rest % 10) as u8;
        if end == 1 && !rest.is_multiple_of(10) {
            end = place + 1;
        }
        rest /= 10;
    }
    out.extend_from_slice(&text[..end]);
    true
}

#[cfg(test)]
mod tests {
    use super::short_decimal;
    use proptest::prelude::*;

    fn written(value: f64) -> Option<String> {
        let mut out = Vec::new();
        short_decimal(&mut out, value).then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn where_it_begins_and_ends() {
        for (value, text) in [
            (9.99, "9.99"),
            (-0.5, "-0.5"),
            (100.0, "100"),
            (0.0001, "0.0001"),
            (1234.000001, "1234.000001"),
            (999_999_999.999_999, "999999999.999999"),
        ] {
            assert_eq!(written(value).as_deref(), Some(text));
        }
        for value in [
            0.0,
            -0.0,
            0.1 + 0.2,
            0.00001,
            0.000099,
            1e9,
            1e300,
            5e-324,
            f64::MAX,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ] {
            assert_eq!(written(value), None, "{value}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        /// Rust too searches for the shortest text, and never writes an exponent.
        #[test]
        fn it_is_the_shortest(digits in -2_000_000_000_i64..2_000_000_000, decimals in 0_i32..8) {
            let value = digits as f64 / 10_f64.powi(decimals);
            if let Some(text) = written(value) {
                prop_assert_eq!(text, value.to_string());
            } else {
                prop_assert!(decimals > 6 || value.abs() < 0.0001 || value.abs() >= 1e9, "{}", value);
            }
        }

        #[test]
        fn any_float(bits: u64) {
            let value = f64::from_bits(bits);
            if let Some(text) = written(value) {
                prop_assert_eq!(text, value.to_string());
            }
        }

        /// Sums and products, whose last bits are noise.
        #[test]
        fn near_a_decimal(digits in 1_i64..1_000_000_000_000_000, off in -3_i64..=3) {
            let near = digits as f64 / 1e6;
            let value = f64::from_bits(near.to_bits().wrapping_add_signed(off));
            if let Some(text) = written(value) {
                prop_assert_eq!(text, value.to_string());
            }
        }
    }
}
