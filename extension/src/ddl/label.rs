//! Labels of enums that have another name now, in rows that were written before.

use super::regroup::positions;
use crate::pg::spi::{self, Fixed, Parameter};
use officesync_wire::decode::RowGroup;
use pgrx::pg_sys::TEXTOID;

thread_local! {
    static IN_ARRAY: Fixed = const {
        Fixed::new("SELECT array_replace($1::text[], $2, $3)::text", &[TEXTOID, TEXTOID, TEXTOID])
    };
}

/// Puts `new` where a value of the column at `place`, or a member of one, is `old`.
pub(super) fn rename(group: &mut RowGroup<'_>, place: usize, old: &str, new: &str) {
    let positions = positions(group, place);
    let width = group.width.max(1);
    for row in group.values.chunks_mut(width) {
        for position in &positions {
            let Some(text) = row.get(*position).and_then(Option::as_deref) else {
                continue;
            };
            let renamed = if text == old {
                Some(new.to_owned())
            } else if text.starts_with('{') && text.contains(old) {
                in_array(text, old, new)
            } else {
                None
            };
            if let Some(renamed) = renamed {
                row[*position] = Some(renamed.into());
            }
        }
    }
}

fn in_array(text: &str, old: &str, new: &str) -> Option<String> {
    let parameters = [
        Parameter::Text(text),
        Parameter::Text(old),
        Parameter::Text(new),
    ];
    let rows = spi::connected(|| IN_ARRAY.with(|all| all.statement().rows(&parameters, 1)));
    rows.text(0, 0).map(str::to_owned)
}
