//! Durations and sizes as a person reads them.

pub(super) fn milliseconds(value: i64) -> String {
    if value < 10_000 {
        format!("{value} ms")
    } else {
        span(value as f64 / 1_000.0)
    }
}

/// A span of time in its two largest units.
pub(super) fn span(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
    let (minutes, rest) = (seconds / 60 % 60, seconds % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest} s"),
        (0, 0, _) => format!("{minutes} min {rest} s"),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

pub(super) fn bytes(value: i64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if value < 1_000 {
        return format!("{value} B");
    }
    let mut scaled = value as f64 / 1_000.0;
    let mut unit = 0;
    while scaled >= 1_000.0 && unit + 1 < UNITS.len() {
        scaled /= 1_000.0;
        unit += 1;
    }
    format!("{scaled:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_follow_the_size() {
        assert_eq!(milliseconds(9_999), "9999 ms");
        assert_eq!(milliseconds(61_000), "1 min 1 s");
        assert_eq!(span(3_600.0 * 50.0), "2 d 2 h");
        assert_eq!(span(-3.0), "0 s");
        assert_eq!(
            (bytes(999), bytes(1_500)),
            ("999 B".into(), "1.5 kB".into())
        );
        assert_eq!(bytes(i64::MAX), "9223.4 PB");
    }
}
