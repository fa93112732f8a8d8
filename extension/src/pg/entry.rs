//! The functions PostgreSQL calls by the C convention because they are triggers.

use crate::pg::spi::{self, Statement};
use crate::pg::trigger::Firing;
use core::ffi::CStr;
use pgrx::{pg_guard, pg_sys};

/// The info record PostgreSQL looks up before it calls a version-1 function.
static VERSION_1: pg_sys::Pg_finfo_record = pg_sys::Pg_finfo_record { api_version: 1 };

/// See [`VERSION_1`].
#[unsafe(no_mangle)]
pub(super) extern "C" fn pg_finfo_officesync_capture() -> &'static pg_sys::Pg_finfo_record {
    &VERSION_1
}

/// `officesync.capture(direction)`: the trigger on every tracked table.
///
/// # Safety
/// Called by PostgreSQL only.
#[unsafe(no_mangle)]
#[pg_guard]
pub(super) unsafe extern "C-unwind" fn officesync_capture(
    fcinfo: pg_sys::FunctionCallInfo,
) -> pg_sys::Datum {
    // SAFETY: fcinfo is what PostgreSQL gave us.
    match unsafe { Firing::of(fcinfo) } {
        Some(firing) => crate::capture::capture(&firing),
        None => crate::refuse::refuse(
            pgrx::PgSqlErrorCode::ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
            "officesync.capture() may only be called as an AFTER trigger".into(),
            "",
            "Run SELECT officesync.track('table') instead of creating the trigger by hand.",
        ),
    }
    // An AFTER trigger's result is ignored.
    pg_sys::Datum::from(0)
}

/// See [`VERSION_1`].
#[unsafe(no_mangle)]
pub(super) extern "C" fn pg_finfo_officesync_guard_extension() -> &'static pg_sys::Pg_finfo_record {
    &VERSION_1
}

/// `officesync.guard_extension()`: the event trigger before DROP EXTENSION.
///
/// # Safety
/// Called by PostgreSQL only.
#[unsafe(no_mangle)]
#[pg_guard]
pub(super) unsafe extern "C-unwind" fn officesync_guard_extension(
    fcinfo: pg_sys::FunctionCallInfo,
) -> pg_sys::Datum {
    // SAFETY: fcinfo is what PostgreSQL gave us.
    if unsafe { drops_us(fcinfo) } {
        spi::connected(|| {
            Statement::prepare("SELECT officesync.require_nothing_unsent()", &[]).run(&[]);
        });
    }
    pg_sys::Datum::from(0)
}

/// Whether the statement an event trigger fires for drops the extension `officesync`.
///
/// # Safety
/// `fcinfo` must be what PostgreSQL passed to the function that runs now.
unsafe fn drops_us(fcinfo: pg_sys::FunctionCallInfo) -> bool {
    // SAFETY: nodes are checked by their tag before they are read as what they are; a DROP
    // EXTENSION's objects are a list of string nodes.
    unsafe {
        let context = (*fcinfo).context;
        if context.is_null() || (*context).type_ != pg_sys::NodeTag::T_EventTriggerData {
            return false;
        }
        let statement = (*context.cast::<pg_sys::EventTriggerData>()).parsetree;
        if statement.is_null() || (*statement).type_ != pg_sys::NodeTag::T_DropStmt {
            return false;
        }
        let objects = (*statement.cast::<pg_sys::DropStmt>()).objects;
        let count = if objects.is_null() {
            0
        } else {
            (*objects).length
        };
        (0..count).any(|nth| {
            let name = string_of(pg_sys::list_nth(objects, nth).cast());
            CStr::from_ptr(name).to_bytes() == b"officesync"
        })
    }
}

/// # Safety
/// `node` must be a string node.
#[cfg(any(feature = "pg13", feature = "pg14"))]
unsafe fn string_of(node: *mut pg_sys::Value) -> *mut core::ffi::c_char {
    // SAFETY: as promised.
    unsafe { (*node).val.str_ }
}

/// # Safety
/// `node` must be a string node.
#[cfg(not(any(feature = "pg13", feature = "pg14")))]
unsafe fn string_of(node: *mut pg_sys::String) -> *mut core::ffi::c_char {
    // SAFETY: as promised.
    unsafe { (*node).sval }
}
