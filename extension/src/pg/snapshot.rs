//! Values of type `pg_snapshot`.

use core::ffi::CStr;
use pgrx::pg_sys::{self, Datum};

/// What the next statement of this transaction would see: what has ended at this moment or, with REPEATABLE READ, when
/// the transaction began. In the current memory context.
pub(crate) fn current() -> Datum {
    // SAFETY: pushed and popped here; the function takes no argument and returns a copy.
    unsafe {
        pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
        let now = pgrx::direct_function_call_as_datum(pg_sys::pg_current_snapshot, &[]);
        pg_sys::PopActiveSnapshot();
        now.unwrap_or(Datum::from(0))
    }
}

/// As the type's output function writes it, `xmin:xmax:xip,xip`. Of a column of that type.
pub(crate) fn text(snapshot: Datum) -> String {
    // SAFETY: the value is of that type, and unfolded first; the text is a copy of ours.
    unsafe {
        let whole = pg_sys::pg_detoast_datum(snapshot.cast_mut_ptr());
        let text =
            pgrx::direct_function_call_as_datum(pg_sys::pg_snapshot_out, &[Some(whole.into())]);
        text.map_or_else(String::new, |text| {
            CStr::from_ptr(text.cast_mut_ptr())
                .to_string_lossy()
                .into_owned()
        })
    }
}
