//! Dates and times -> ISO text, without a time zone or a setting.
//!
//! PostgreSQL counts days and microseconds from 2000-01-01. Years 1 to 9999 are written here;
//! anything else (BC, infinity, five-digit years) is left to the server's own output function.
//! The day arithmetic is Howard Hinnant's `civil_from_days`.

/// Days from 0000-03-01 to 2000-01-01 in the proleptic Gregorian calendar.
const EPOCH_SHIFT_DAYS: i64 = 730_425;
const MICROSECONDS_PER_DAY: i64 = 86_400_000_000;

/// `2026-11-20`, or `None` outside the years 1 to 9999.
pub(crate) fn date(days: i32) -> Option<[u8; 10]> {
    let shifted = i64::from(days) + EPOCH_SHIFT_DAYS;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    if !(1..=9999).contains(&year) {
        return None;
    }
    let mut text = *b"0000-00-00";
    two_digits(&mut text[0..2], year / 100);
    two_digits(&mut text[2..4], year % 100);
    two_digits(&mut text[5..7], month);
    two_digits(&mut text[8..10], day);
    Some(text)
}

/// The text of a time stamp, at most 29 bytes.
pub(crate) struct TimestampText {
    bytes: [u8; 29],
    length: usize,
}

impl TimestampText {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// The same with `+00` behind it.
    pub(crate) fn with_utc_offset(mut self) -> Self {
        self.bytes[self.length..self.length + 3].copy_from_slice(b"+00");
        self.length += 3;
        self
    }
}

/// `2026-11-20 12:00:00.5` (trailing zeros of the fraction dropped), or `None` outside the years
/// 1 to 9999.
pub(crate) fn timestamp(microseconds: i64) -> Option<TimestampText> {
    let days = i32::try_from(microseconds.div_euclid(MICROSECONDS_PER_DAY)).ok()?;
    let of_day = microseconds.rem_euclid(MICROSECONDS_PER_DAY);
    let (seconds, fraction) = (of_day / 1_000_000, of_day % 1_000_000);
    let mut bytes = *b"0000-00-00 00:00:00.000000+00";
    bytes[0..10].copy_from_slice(&date(days)?);
    two_digits(&mut bytes[11..13], seconds / 3_600);
    two_digits(&mut bytes[14..16], seconds / 60 % 60);
    two_digits(&mut bytes[17..19], seconds % 60);
    let mut length = 19;
    if fraction != 0 {
        two_digits(&mut bytes[20..22], fraction / 10_000);
        two_digits(&mut bytes[22..24], fraction / 100 % 100);
        two_digits(&mut bytes[24..26], fraction % 100);
        length = 26;
        while bytes[length - 1] == b'0' {
            length -= 1;
        }
    }
    Some(TimestampText { bytes, length })
}

fn two_digits(to: &mut [u8], value: i64) {
    to[0] = b'0' + (value / 10) as u8;
    to[1] = b'0' + (value % 10) as u8;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(microseconds: i64) -> String {
        timestamp(microseconds)
            .map(|text| String::from_utf8_lossy(text.as_bytes()).into_owned())
            .unwrap_or_default()
    }

    #[test]
    fn the_epoch_and_around_it() {
        assert_eq!(date(0).as_ref(), Some(b"2000-01-01"));
        assert_eq!(date(-1).as_ref(), Some(b"1999-12-31"));
        assert_eq!(date(59).as_ref(), Some(b"2000-02-29"));
        assert_eq!(stamp(0), "2000-01-01 00:00:00");
        assert_eq!(stamp(-1), "1999-12-31 23:59:59.999999");
        assert_eq!(stamp(1_500_000), "2000-01-01 00:00:01.5");
    }

    #[test]
    fn the_ends_of_the_range() {
        assert_eq!(date(-730_119).as_ref(), Some(b"0001-01-01"));
        assert_eq!(date(-730_120), None);
        assert_eq!(date(2_921_939).as_ref(), Some(b"9999-12-31"));
        assert_eq!(date(2_921_940), None);
        assert!(timestamp(i64::MAX).is_none());
        assert!(timestamp(i64::MIN).is_none());
    }
}
