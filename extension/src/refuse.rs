//! Errors as users see them: what happened, the detail, and what to do.

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::{PgLogLevel, PgSqlErrorCode};

/// Raises an error with a detail and a hint; does not return.
pub(crate) fn refuse(code: PgSqlErrorCode, message: String, detail: &str, hint: &str) -> ! {
    let mut report = ErrorReport::new(code, message, "officesync");
    if !detail.is_empty() {
        report = report.set_detail(detail);
    }
    if !hint.is_empty() {
        report = report.set_hint(hint);
    }
    report.report(PgLogLevel::ERROR);
    // `report` at level ERROR does not come back; this only tells the compiler.
    pgrx::error!("officesync")
}

/// Refuses for want of memory: a row may be a gigabyte, and to find no room for it must not be the end
/// of the server.
#[cold]
pub(crate) fn no_memory(bytes: usize) -> ! {
    refuse(
        PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY,
        format!("not enough memory for a row of {bytes} bytes"),
        "officesync holds a row in memory whole.",
        "Give the server more memory, or store the value in smaller pieces.",
    )
}
