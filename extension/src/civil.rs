//! Dates and times <-> ISO text, without a time zone or a setting.
//!
//! PostgreSQL counts days and microseconds from 2000-01-01. Years 1 to 9999 are written and read here;
//! anything else (BC, infinity, five-digit years) is left to the server's own functions.
//! The day arithmetic is that of Neri and Schneider ("Euclidean affine functions and their application to
//! calendar algorithms", 2022), and Howard Hinnant's `days_from_civil`.

/// Days from 0000-03-01 to 2000-01-01 in the proleptic Gregorian calendar.
const EPOCH_SHIFT_DAYS: i64 = 730_425;
const MICROSECONDS_PER_DAY: i64 = 86_400_000_000;

/// `2026-11-20`, or `None` outside the years 1 to 9999.
pub(crate) fn date(days: i32) -> Option<[u8; 10]> {
    const FIRST: i32 = -730_119;
    const LAST: i32 = 2_921_939;
    if !(FIRST..=LAST).contains(&days) {
        return None;
    }
    // Years begin in March here, so that the day a leap year has more is its last. The two products stand
    // for divisions by 365.25 and by 30.6 with their remainders.
    let quarters = 4 * (days + EPOCH_SHIFT_DAYS as i32) as u32 + 3;
    let (century, of_century) = (quarters / 146_097, quarters % 146_097 / 4);
    let years = 2_939_745 * u64::from(4 * of_century + 3);
    let of_year = years as u32 / 2_939_745 / 4;
    let months = 2_141 * of_year + 197_913;
    let is_next_year = of_year >= 306;
    let year = 100 * century + (years >> 32) as u32 + u32::from(is_next_year);
    let month = (months >> 16) - if is_next_year { 12 } else { 0 };
    let day = (months & 0xffff) / 2_141 + 1;
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
    let (seconds, fraction) = ((of_day / 1_000_000) as u32, (of_day % 1_000_000) as u32);
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

/// The days of `2026-11-20`; `None` where that is not a date of the years 1 to 9999 in this form.
pub(crate) fn read_date(text: &[u8]) -> Option<i32> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text else {
        return None;
    };
    let year = i64::from(digits(&[y1, y2, y3, y4])?);
    let (month, day) = (i64::from(digits(&[m1, m2])?), i64::from(digits(&[d1, d2])?));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if year < 1 || !(1..=longest).contains(&day) {
        return None;
    }
    let (shifted, march_month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * shifted + shifted.div_euclid(4) - shifted.div_euclid(100)
        + shifted.div_euclid(400)
        + (153 * march_month + 2) / 5
        + day
        - 1;
    i32::try_from(days - EPOCH_SHIFT_DAYS).ok()
}

/// The microseconds of `2026-11-20 12:00:00.5`, also with `+00` behind it where `zoned`.
pub(crate) fn read_timestamp(text: &[u8], zoned: bool) -> Option<i64> {
    let text = match zoned {
        true => text.strip_suffix(b"+00")?,
        false => text,
    };
    let (date, time) = text.split_at_checked(10)?;
    let days = i64::from(read_date(date)?);
    let (clock, fraction) = time.split_at_checked(9)?;
    let [b' ', h1, h2, b':', m1, m2, b':', s1, s2] = *clock else {
        return None;
    };
    let (hour, minute, second) = (digits(&[h1, h2])?, digits(&[m1, m2])?, digits(&[s1, s2])?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let micros = match fraction {
        [] => 0,
        [b'.', decimals @ ..] if (1..=6).contains(&decimals.len()) => {
            digits(decimals)? * 10_u32.pow(6 - decimals.len() as u32)
        }
        _ => return None,
    };
    let seconds = i64::from(hour * 3_600 + minute * 60 + second);
    Some(days * MICROSECONDS_PER_DAY + seconds * 1_000_000 + i64::from(micros))
}

fn digits(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0, |number, digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + u32::from(digit - b'0'))
    })
}

fn two_digits(to: &mut [u8], value: u32) {
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
    fn what_is_written_is_read() {
        for days in -730_119..=2_921_939 {
            assert_eq!(date(days).and_then(|text| read_date(&text)), Some(days));
        }
        for step in 0..40_000_i64 {
            let micros = (step - 20_000) * 12_345_678_901_017;
            if let Some(text) = timestamp(micros) {
                assert_eq!(read_timestamp(text.as_bytes(), false), Some(micros));
                let zoned = text.with_utc_offset();
                assert_eq!(read_timestamp(zoned.as_bytes(), true), Some(micros));
            }
        }
    }

    #[test]
    fn what_is_no_date_is_left_to_the_server() {
        for text in [
            "2023-02-29",
            "2024-13-01",
            "0000-01-01",
            "2024-04-31",
            "2024-1-01",
            "infinity",
            "20240-01-01",
        ] {
            assert_eq!(read_date(text.as_bytes()), None, "{text}");
        }
        for text in [
            "2024-01-01",
            "2024-01-01 24:00:00",
            "2024-01-01 00:00:60",
            "2024-01-01 00:00:00.",
            "2024-01-01 00:00:00.1234567",
            "2024-01-01 00:00:00 BC",
            "2024-01-01T00:00:00",
        ] {
            assert_eq!(read_timestamp(text.as_bytes(), false), None, "{text}");
        }
        assert_eq!(read_timestamp(b"2024-01-01 00:00:00+01", true), None);
        assert_eq!(read_timestamp(b"2024-01-01 00:00:00", true), None);
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
