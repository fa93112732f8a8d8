//! A text array, laid out in one piece.
//!
//! The layout is that of utils/array.h: header, dimensions, null bitmap, then the elements, each a
//! varlena aligned to four bytes.

use pgrx::pg_sys::{self, Datum};

/// Builds a one-dimensional `text[]` in the current memory context.
pub(crate) fn text_array<'a>(
    values: impl ExactSizeIterator<Item = Option<&'a str>> + Clone,
) -> Datum {
    let count = values.len();
    if count == 0 {
        // SAFETY: allocates.
        return Datum::from(unsafe { pg_sys::construct_empty_array(pg_sys::TEXTOID) });
    }
    let has_nulls = values.clone().any(|value| value.is_none());
    // Header (16 bytes) and one dimension with its lower bound, then the bitmap.
    const FIXED: usize = 24;
    let bitmap = if has_nulls { count.div_ceil(8) } else { 0 };
    let start = (FIXED + bitmap).next_multiple_of(8);
    let body: usize = values
        .clone()
        .flatten()
        .map(|text| (text.len() + 4).next_multiple_of(4))
        .sum();
    let mut image = Vec::with_capacity(start + body);
    image.extend_from_slice(&[0; 4]);
    image.extend_from_slice(&1_i32.to_ne_bytes());
    image.extend_from_slice(&(if has_nulls { start as i32 } else { 0 }).to_ne_bytes());
    image.extend_from_slice(&pg_sys::TEXTOID.to_u32().to_ne_bytes());
    image.extend_from_slice(&(count as i32).to_ne_bytes());
    image.extend_from_slice(&1_i32.to_ne_bytes());
    image.resize(start, 0);
    for (index, value) in values.enumerate() {
        let Some(text) = value else { continue };
        if has_nulls {
            image[FIXED + index / 8] |= 1 << (index % 8);
        }
        // The varlena header is the length shifted by two on a little-endian machine.
        image.extend_from_slice(&varlena_header(text.len() + 4));
        image.extend_from_slice(text.as_bytes());
        image.resize(image.len().next_multiple_of(4), 0);
    }
    let total = image.len();
    // SAFETY: the copy has room for the image; palloc aligns to eight bytes as an array needs.
    unsafe {
        let target = pg_sys::palloc(total).cast::<u8>();
        core::ptr::copy_nonoverlapping(image.as_ptr(), target, total);
        pgrx::set_varsize_4b(target.cast(), total as i32);
        Datum::from(target)
    }
}

fn varlena_header(total: usize) -> [u8; 4] {
    let total = total as u32;
    if cfg!(target_endian = "little") {
        (total << 2).to_ne_bytes()
    } else {
        total.to_ne_bytes()
    }
}
