//! When the link may be used: spans of the day.

/// Spans of the day, in seconds from midnight; one whose end is not behind its beginning goes over midnight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window(Vec<(u32, u32)>);

const DAY: u32 = 24 * 60 * 60;

impl Window {
    /// Reads `22:00-05:00,12:30-13:00`.
    ///
    /// # Errors
    /// The span that can't be read.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let spans = text.split(',').map(str::trim).map(|span| {
            let (from, to) = span.split_once('-').ok_or(span)?;
            let (from, to) = (second(from).ok_or(span)?, second(to).ok_or(span)?);
            if from == to {
                Err(span)
            } else {
                Ok((from, to))
            }
        });
        let spans: Result<Vec<_>, &str> = spans.collect();
        spans.map(Self).map_err(str::to_owned)
    }

    /// Whether it is open at that second of the day.
    pub(crate) fn is_open(&self, now: u32) -> bool {
        let within = |&(from, to): &(u32, u32)| match from < to {
            true => (from..to).contains(&now),
            false => now >= from || now < to,
        };
        self.0.iter().any(within)
    }
}

/// `hh:mm` as seconds; 24:00 is the end of the day.
fn second(text: &str) -> Option<u32> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let number = |text: &str| {
        let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u32>().ok().filter(|_| plain)
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let seconds = hours * 3600 + minutes * 60;
    (minutes < 60 && seconds <= DAY).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> u32 {
        second(text).unwrap()
    }

    #[test]
    fn a_window_may_go_over_midnight() {
        let window = Window::parse("22:00-05:00, 12:30-13:00").unwrap();
        for open in ["22:00", "23:59", "00:00", "04:59", "12:30", "12:59"] {
            assert!(window.is_open(at(open)), "{open}");
        }
        for closed in ["05:00", "12:29", "13:00", "21:59"] {
            assert!(!window.is_open(at(closed)), "{closed}");
        }
        assert!(Window::parse("00:00-24:00").unwrap().is_open(DAY - 1));
    }

    #[test]
    fn what_is_no_window_is_named() {
        for text in [
            "",
            "22:00",
            "22-05",
            "25:00-26:00",
            "1:00-2:00",
            "10:60-11:00",
            "10:00-10:00",
        ] {
            assert_eq!(Window::parse(text), Err(text.to_owned()));
        }
        assert_eq!(Window::parse("10:00-11:00,x"), Err("x".to_owned()));
    }
}
