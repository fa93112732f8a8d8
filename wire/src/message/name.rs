//! The names that stand between slashes in a message id and between dots in a queue's name, so they
//! hold neither.

use crate::WireError;

/// The routing key of what goes to every branch; no office may have this name.
pub const KEY_ALL: &str = "all";
/// The routing key of what goes to the head.
pub const KEY_HEAD: &str = "head";

/// Checks that `name` may be the name of an office, and returns it.
///
/// That a *branch* may not be called `head` either is for the one who knows its role.
///
/// # Errors
/// [`WireError::OfficeName`].
pub fn office_name(name: &str) -> Result<&str, WireError> {
    let valid = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    if (1..=63).contains(&name.len()) && name.bytes().all(valid) && name != KEY_ALL {
        Ok(name)
    } else {
        Err(WireError::OfficeName)
    }
}

/// Whether `text` may be an incarnation: 1 to 63 ASCII letters, digits, `-` and `_`.
pub fn is_incarnation(text: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=63).contains(&text.len()) && text.bytes().all(valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn office_names() {
        for name in ["head", "branch1", "a", "porto-2_b", &"x".repeat(63)] {
            assert_eq!(office_name(name).unwrap(), name);
        }
        for name in [
            "",
            "all",
            "Branch",
            "a b",
            "a/b",
            "a.b",
            "größe",
            &"x".repeat(64),
        ] {
            assert!(office_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn incarnations() {
        assert!(is_incarnation("9f3c0b6e-4a9b-4f6e-9d1c-2f3a4b5c6d7e"));
        assert!(!is_incarnation("") && !is_incarnation("a/b") && !is_incarnation(&"x".repeat(64)));
    }
}
