//! The functions PostgreSQL calls by the C convention because they are triggers.

use crate::pg::array::text_array;
use crate::pg::parse::Parsed;
use crate::pg::spi::{self, Parameter, Statement};
use crate::pg::statement;
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
pub(super) extern "C" fn pg_finfo_officesync_input() -> &'static pg_sys::Pg_finfo_record {
    &VERSION_1
}

/// `officesync.input(text, NULL::type[])`: what the type's input function makes of the text.
///
/// # Safety
/// Called by PostgreSQL only.
#[unsafe(no_mangle)]
#[pg_guard]
pub(super) unsafe extern "C-unwind" fn officesync_input(
    fcinfo: pg_sys::FunctionCallInfo,
) -> pg_sys::Datum {
    // SAFETY: declared with two arguments, the first a text; the call's expression knows the type of
    // the second. The input function is called without a length, and for NULL too, as a domain may
    // forbid that.
    unsafe {
        let call = &mut *fcinfo;
        let type_id = pg_sys::get_element_type(pg_sys::get_fn_expr_argtype(call.flinfo, 1));
        let mut function = pg_sys::InvalidOid;
        let mut element = pg_sys::InvalidOid;
        pg_sys::getTypeInputInfo(type_id, &mut function, &mut element);
        let arguments = call.args.as_slice(2);
        let text = if arguments[0].isnull {
            call.isnull = true;
            core::ptr::null_mut()
        } else {
            pg_sys::text_to_cstring(arguments[0].value.cast_mut_ptr())
        };
        pg_sys::OidInputFunctionCall(function, text, element, -1)
    }
}

/// See [`VERSION_1`].
#[unsafe(no_mangle)]
pub(super) extern "C" fn pg_finfo_officesync_is_mutable() -> &'static pg_sys::Pg_finfo_record {
    &VERSION_1
}

/// `officesync.is_mutable(expression)`: whether an expression may give another value elsewhere.
///
/// # Safety
/// Called by PostgreSQL only.
#[unsafe(no_mangle)]
#[pg_guard]
pub(super) unsafe extern "C-unwind" fn officesync_is_mutable(
    fcinfo: pg_sys::FunctionCallInfo,
) -> pg_sys::Datum {
    // SAFETY: declared STRICT with one argument, an expression's tree as the catalogue stores it.
    unsafe {
        let tree = (&*fcinfo).args.as_slice(1)[0].value;
        let text = pg_sys::text_to_cstring(tree.cast_mut_ptr());
        let node = pg_sys::stringToNode(text);
        pg_sys::Datum::from(pg_sys::contain_mutable_functions(node.cast()))
    }
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

/// See [`VERSION_1`].
#[unsafe(no_mangle)]
pub(super) extern "C" fn pg_finfo_officesync_guard_partitions() -> &'static pg_sys::Pg_finfo_record
{
    &VERSION_1
}

/// `officesync.guard_partitions()`: the event trigger before DROP TABLE.
///
/// # Safety
/// Called by PostgreSQL only.
#[unsafe(no_mangle)]
#[pg_guard]
pub(super) unsafe extern "C-unwind" fn officesync_guard_partitions(
    fcinfo: pg_sys::FunctionCallInfo,
) -> pg_sys::Datum {
    // SAFETY: fcinfo is what PostgreSQL gave us.
    let tables = unsafe { dropped_tables(fcinfo) };
    if !tables.is_empty() {
        spi::connected(|| {
            let sql = "SELECT officesync.before_drop($1::oid[])";
            let statement = Statement::prepare(sql, &[pg_sys::TEXTARRAYOID]);
            let oids = text_array(tables.iter().map(|oid| Some(oid.as_str())));
            statement.run(&[Parameter::Built(oids)]);
        });
    }
    pg_sys::Datum::from(0)
}

/// See [`VERSION_1`].
#[unsafe(no_mangle)]
pub(super) extern "C" fn pg_finfo_officesync_guard_schema() -> &'static pg_sys::Pg_finfo_record {
    &VERSION_1
}

/// `officesync.guard_schema()`: the event trigger before any schema change.
///
/// # Safety
/// Called by PostgreSQL only.
#[unsafe(no_mangle)]
#[pg_guard]
pub(super) unsafe extern "C-unwind" fn officesync_guard_schema(
    fcinfo: pg_sys::FunctionCallInfo,
) -> pg_sys::Datum {
    // SAFETY: fcinfo is what PostgreSQL gave us; the statement lives while it runs.
    unsafe {
        let context = (*fcinfo).context;
        if !statement::is_seen()
            && !context.is_null()
            && (*context).type_ == pg_sys::NodeTag::T_EventTriggerData
        {
            let node = (*context.cast::<pg_sys::EventTriggerData>()).parsetree;
            crate::ddl::capture::unseen(Parsed::of(node));
        }
    }
    pg_sys::Datum::from(0)
}

/// The tables that the DROP TABLE names an event trigger fires for, those that exist, by OID.
///
/// # Safety
/// `fcinfo` must be what PostgreSQL passed to the function that runs now.
unsafe fn dropped_tables(fcinfo: pg_sys::FunctionCallInfo) -> Vec<String> {
    // SAFETY: a DROP TABLE's objects are lists of names.
    unsafe {
        dropped_objects(fcinfo)
            .into_iter()
            .filter_map(|names| {
                let name = pg_sys::makeRangeVarFromNameList(names.cast());
                let oid = pg_sys::RangeVarGetRelidExtended(
                    name,
                    pg_sys::AccessShareLock as pg_sys::LOCKMODE,
                    pg_sys::RVROption::RVR_MISSING_OK,
                    None,
                    core::ptr::null_mut(),
                );
                (oid != pg_sys::InvalidOid).then(|| oid.to_u32().to_string())
            })
            .collect()
    }
}

/// Whether the statement an event trigger fires for drops the extension `officesync`.
///
/// # Safety
/// `fcinfo` must be what PostgreSQL passed to the function that runs now.
unsafe fn drops_us(fcinfo: pg_sys::FunctionCallInfo) -> bool {
    // SAFETY: a DROP EXTENSION's objects are string nodes.
    unsafe {
        dropped_objects(fcinfo)
            .into_iter()
            .any(|name| CStr::from_ptr(string_of(name.cast())).to_bytes() == b"officesync")
    }
}

/// The objects of the DROP that an event trigger fires for, as the parser left them.
///
/// # Safety
/// `fcinfo` must be what PostgreSQL passed to the function that runs now.
unsafe fn dropped_objects(fcinfo: pg_sys::FunctionCallInfo) -> Vec<*mut core::ffi::c_void> {
    // SAFETY: nodes are checked by their tag before they are read as what they are.
    unsafe {
        let context = (*fcinfo).context;
        if context.is_null() || (*context).type_ != pg_sys::NodeTag::T_EventTriggerData {
            return Vec::new();
        }
        let statement = (*context.cast::<pg_sys::EventTriggerData>()).parsetree;
        if statement.is_null() || (*statement).type_ != pg_sys::NodeTag::T_DropStmt {
            return Vec::new();
        }
        let objects = (*statement.cast::<pg_sys::DropStmt>()).objects;
        let count = if objects.is_null() {
            0
        } else {
            (*objects).length
        };
        (0..count)
            .map(|nth| pg_sys::list_nth(objects, nth))
            .collect()
    }
}
/// # Safety
/// `node` must be a string node.
#[cfg(any(feature = "pg13", feature = "pg14"))]
pub(super) unsafe fn string_of(node: *mut pg_sys::Value) -> *mut core::ffi::c_char {
    // SAFETY: as promised.
    unsafe { (*node).val.str_ }
}

/// # Safety
/// `node` must be a string node.
#[cfg(not(any(feature = "pg13", feature = "pg14")))]
pub(super) unsafe fn string_of(node: *mut pg_sys::String) -> *mut core::ffi::c_char {
    // SAFETY: as promised.
    unsafe { (*node).sval }
}
