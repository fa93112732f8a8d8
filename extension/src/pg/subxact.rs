//! Trying something that may fail, and undoing it.

use pgrx::{PgTryBuilder, pg_sys};
use std::panic::AssertUnwindSafe;

/// Runs `work`. When it meets a bound of the server or of the format (a value or a row too large),
/// `tell` gets the message and raises an error that says more; every other error passes.
pub(crate) fn within_limits<R>(work: impl FnOnce() -> R, tell: impl Fn(&str)) -> R {
    let tell = AssertUnwindSafe(tell);
    PgTryBuilder::new(AssertUnwindSafe(work))
        .catch_others(move |error| {
            use pgrx::PgSqlErrorCode as Code;
            use pgrx::pg_sys::panic::CaughtError;
            if let CaughtError::PostgresError(report) | CaughtError::ErrorReport(report) = &error {
                let message = report.message();
                // What palloc says when it is asked for more than a gigabyte is an internal error.
                let is_limit = match report.sql_error_code() {
                    Code::ERRCODE_PROGRAM_LIMIT_EXCEEDED => true,
                    Code::ERRCODE_INTERNAL_ERROR => {
                        message.starts_with("invalid memory alloc request size")
                    }
                    _ => false,
                };
                if is_limit {
                    (*tell)(message);
                }
            }
            error.rethrow()
        })
        .execute()
}

/// Runs `work` in a subtransaction. When PostgreSQL raises an error in it, everything it did is
/// rolled back and the answer is `None`. A request to cancel or to shut down is not swallowed.
pub(crate) fn attempt<R>(work: impl FnOnce() -> Option<R>) -> Option<R> {
    attempt_or_code(work).ok().flatten()
}

/// The same; tells the error that was raised.
pub(crate) fn attempt_or_code<R>(
    work: impl FnOnce() -> Option<R>,
) -> Result<Option<R>, pgrx::PgSqlErrorCode> {
    // SAFETY: read to be restored below, as the server's own PL/pgSQL does.
    let (context, owner) = unsafe { (pg_sys::CurrentMemoryContext, pg_sys::CurrentResourceOwner) };
    let restore = move || {
        // SAFETY: both were current before the subtransaction began and outlive it.
        unsafe {
            pg_sys::MemoryContextSwitchTo(context);
            pg_sys::CurrentResourceOwner = owner;
        }
    };
    // SAFETY: begun here and ended exactly once, in one of the arms below.
    unsafe { pg_sys::BeginInternalSubTransaction(core::ptr::null()) };
    let roll_back = move || {
        // SAFETY: the subtransaction begun above is the current one.
        unsafe { pg_sys::RollbackAndReleaseCurrentSubTransaction() };
        restore();
    };
    PgTryBuilder::new(AssertUnwindSafe(move || {
        // The resource owner stays the subtransaction's own: what is open in it when an error comes is
        // closed with it.
        // SAFETY: as above.
        unsafe { pg_sys::MemoryContextSwitchTo(context) };
        match work() {
            Some(result) => {
                // SAFETY: the subtransaction begun above is the current one.
                unsafe { pg_sys::ReleaseCurrentSubTransaction() };
                restore();
                Ok(Some(result))
            }
            None => {
                roll_back();
                Ok(None)
            }
        }
    }))
    .catch_others(move |error| {
        use pgrx::PgSqlErrorCode as Code;
        use pgrx::pg_sys::panic::CaughtError;
        let code = match &error {
            CaughtError::PostgresError(report) | CaughtError::ErrorReport(report) => {
                report.sql_error_code()
            }
            CaughtError::RustPanic { .. } => error.rethrow(),
        };
        if matches!(
            code,
            Code::ERRCODE_QUERY_CANCELED | Code::ERRCODE_ADMIN_SHUTDOWN
        ) {
            error.rethrow()
        }
        roll_back();
        Err(code)
    })
    .execute()
}
