//! Array literals: nulls, quotes, several dimensions, lower bounds.

use super::of as value_of;
use crate::seed::Seed;

/// An array of the type `element`.
pub(super) fn of(element: &str, seed: &mut Seed) -> Option<String> {
    // Asked once in any case, so that an unknown type is known to be one.
    value_of(element, seed)?;
    let delimiter = if element == "box" { ";" } else { "," };
    let (rows, columns) = (seed.below(3) as usize, 1 + seed.below(3) as usize);
    if rows == 0 {
        return Some("{}".to_owned());
    }
    let row = |seed: &mut Seed| -> Option<String> {
        let items: Option<Vec<String>> = (0..columns).map(|_| item(element, seed)).collect();
        Some(format!("{{{}}}", items?.join(delimiter)))
    };
    if rows == 1 {
        let items = row(seed)?;
        if seed.chance(25) {
            let low = seed.below(9) as i64 - 4;
            return Some(format!("[{low}:{}]={items}", low + columns as i64 - 1));
        }
        return Some(items);
    }
    let rows: Option<Vec<String>> = (0..rows).map(|_| row(seed)).collect();
    Some(format!("{{{}}}", rows?.join(delimiter)))
}

fn item(element: &str, seed: &mut Seed) -> Option<String> {
    if seed.chance(20) {
        Some("NULL".to_owned())
    } else {
        value_of(element, seed).map(|text| quoted(&text))
    }
}

/// A value as it stands in an array or a composite: in quotes, with the special ones escaped.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
