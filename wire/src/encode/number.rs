//! Which texts are JSON number literals. Shared by the writer (may it go bare?) and the reader.

/// Whether `text` is, as it stands, a JSON number: `-? int frac? exp?` of RFC 8259.
#[inline]
pub fn is_json_number(text: &[u8]) -> bool {
    let rest = text.strip_prefix(b"-").unwrap_or(text);
    let rest = match rest.split_first() {
        Some((b'0', rest)) => rest,
        Some((b'1'..=b'9', rest)) => skip_digits(rest),
        _ => return false,
    };
    let rest = match rest.split_first() {
        Some((b'.', fraction)) => match digits(fraction) {
            Some(rest) => rest,
            None => return false,
        },
        _ => rest,
    };
    match rest.split_first() {
        None => true,
        Some((b'e' | b'E', exponent)) => {
            let unsigned = match exponent.split_first() {
                Some((b'+' | b'-', unsigned)) => unsigned,
                _ => exponent,
            };
            digits(unsigned).is_some_and(<[u8]>::is_empty)
        }
        Some(_) => false,
    }
}

#[inline]
fn skip_digits(mut text: &[u8]) -> &[u8] {
    while let Some((b'0'..=b'9', rest)) = text.split_first() {
        text = rest;
    }
    text
}

/// What follows one or more digits.
#[inline]
fn digits(text: &[u8]) -> Option<&[u8]> {
    let rest = skip_digits(text);
    (rest.len() < text.len()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::is_json_number;

    #[test]
    fn numbers() {
        for text in [
            "0",
            "-0",
            "7",
            "-3",
            "1.50",
            "0.000",
            "1e+20",
            "1E5",
            "-1.5e-300",
            "10",
        ] {
            assert!(is_json_number(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn not_numbers() {
        for text in [
            "",
            "-",
            "+1",
            "01",
            "-01",
            ".5",
            "5.",
            "1.e5",
            "1e",
            "1e+",
            "NaN",
            "Infinity",
            "-Infinity",
            "1 ",
            " 1",
            "0x10",
            "1_000",
            "1e5.5",
            "--1",
        ] {
            assert!(!is_json_number(text.as_bytes()), "{text}");
        }
    }
}
