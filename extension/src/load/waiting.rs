//! How long this backend had to wait for a processor: what tells that others on the machine need it.

use std::time::Duration;

/// Where Linux tells of a process: nanoseconds it ran, nanoseconds it was ready and had to wait, turns it had
/// (Documentation/scheduler/sched-stats.rst).
const STATISTICS: &str = "/proc/self/schedstat";

/// The time so far in which this backend was ready to run but had no processor. None where the system does not tell.
pub(super) fn so_far() -> Option<Duration> {
    parse(&std::fs::read_to_string(STATISTICS).ok()?)
}

fn parse(statistics: &str) -> Option<Duration> {
    let waited = statistics.split_ascii_whitespace().nth(1)?;
    waited.parse().ok().map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_number_is_what_was_waited() {
        assert_eq!(parse("2700 1500 3\n"), Some(Duration::from_nanos(1500)));
        assert_eq!(parse("2700"), None);
        assert_eq!(parse(""), None);
    }
}
