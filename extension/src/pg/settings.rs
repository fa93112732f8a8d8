//! The settings under which values become text, whatever the session has set.
//!
//! The output functions read these C variables directly, so the variables are set around the
//! calls and put back by `Drop`, also when an error unwinds: far cheaper than going through the
//! machinery of SET for each row.

use crate::pg::ffi;
use core::ffi::{CStr, c_int};
use pgrx::pg_sys;
use std::cell::Cell;

/// The settings that a value's text depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Needs {
    Nothing,
    /// Those of dates, intervals, floats and bytea.
    Formats,
    /// Also the search path and the currency.
    Names,
}

/// Runs `work` with what it needs pinned to the canonical form of the wire format.
#[inline]
pub(crate) fn canonical<R>(needs: Needs, work: impl FnOnce() -> R) -> R {
    match needs {
        Needs::Nothing => work(),
        Needs::Formats => {
            let _pinned = Canonical::pin();
            work()
        }
        Needs::Names => scoped(
            &[(c"search_path", c"pg_catalog"), (c"lc_monetary", c"C")],
            || {
                let _pinned = Canonical::pin();
                work()
            },
        ),
    }
}

/// While this lives, values are written in the canonical form of the wire format.
struct Canonical {
    date_style: c_int,
    date_order: c_int,
    interval_style: c_int,
    extra_float_digits: c_int,
    bytea_output: c_int,
    time_zone: *mut pg_sys::pg_tz,
}

impl Canonical {
    /// Pins the settings.
    fn pin() -> Self {
        // SAFETY: these are plain variables of this single-threaded backend; pg_tzset returns a
        // pointer into a cache that is never freed, and UTC always exists.
        unsafe {
            let before = Self {
                date_style: pg_sys::DateStyle,
                date_order: pg_sys::DateOrder,
                interval_style: pg_sys::IntervalStyle,
                extra_float_digits: pg_sys::extra_float_digits,
                bytea_output: ffi::bytea_output,
                time_zone: pg_sys::session_timezone,
            };
            pg_sys::DateStyle = pg_sys::USE_ISO_DATES as c_int;
            pg_sys::DateOrder = pg_sys::DATEORDER_MDY as c_int;
            pg_sys::IntervalStyle = pg_sys::INTSTYLE_POSTGRES as c_int;
            pg_sys::extra_float_digits = 3;
            ffi::bytea_output = ffi::BYTEA_OUTPUT_HEX;
            pg_sys::session_timezone = utc();
            before
        }
    }
}

/// UTC, looked up once: this is set for every row.
fn utc() -> *mut pg_sys::pg_tz {
    thread_local! {
        static UTC: Cell<*mut pg_sys::pg_tz> = const { Cell::new(core::ptr::null_mut()) };
    }
    if UTC.get().is_null() {
        // SAFETY: the name is NUL-terminated; the result lives as long as the process.
        UTC.set(unsafe { pg_sys::pg_tzset(c"UTC".as_ptr()) });
    }
    UTC.get()
}

impl Drop for Canonical {
    fn drop(&mut self) {
        // SAFETY: puts back what `pin` found.
        unsafe {
            pg_sys::DateStyle = self.date_style;
            pg_sys::DateOrder = self.date_order;
            pg_sys::IntervalStyle = self.interval_style;
            pg_sys::extra_float_digits = self.extra_float_digits;
            ffi::bytea_output = self.bytea_output;
            pg_sys::session_timezone = self.time_zone;
        }
    }
}

/// Runs `work` as a replica does: neither ordinary triggers nor rules fire.
///
/// Not by SET: that drops every plan of the session each time the setting changes, for the sake of rules, so
/// that all statements would be planned anew for each call. Here it does no harm: what else a relay's session
/// runs writes no table of a user without changing the setting.
pub(crate) fn as_replica<R>(work: impl FnOnce() -> R) -> R {
    struct Before(c_int);
    impl Drop for Before {
        fn drop(&mut self) {
            // SAFETY: puts back what was found.
            unsafe { pg_sys::SessionReplicationRole = self.0 };
        }
    }
    // SAFETY: a plain variable of this single-threaded backend, also while an error unwinds.
    let _before = unsafe {
        let before = Before(pg_sys::SessionReplicationRole);
        pg_sys::SessionReplicationRole = pg_sys::SESSION_REPLICATION_ROLE_REPLICA as c_int;
        before
    };
    work()
}

/// Lets this transaction's commit be visible before it is on disk.
pub(crate) fn commit_without_waiting() {
    // SAFETY: what SET LOCAL does; the value is a valid one, and the end of the transaction puts it back.
    unsafe {
        pg_sys::set_config_option(
            c"synchronous_commit".as_ptr(),
            c"off".as_ptr(),
            pg_sys::GucContext::PGC_USERSET,
            pg_sys::GucSource::PGC_S_SESSION,
            pg_sys::GucAction::GUC_ACTION_LOCAL,
            true,
            0,
            false,
        );
    }
}

/// Runs `work` with these settings (name, value), which are then put back: by the server when an
/// error unwinds, else here. What SET on a function does.
pub(crate) fn scoped<R>(settings: &[(&CStr, &CStr)], work: impl FnOnce() -> R) -> R {
    // SAFETY: a level of settings opened and closed here; an abort closes what is left open.
    unsafe {
        let level = pg_sys::NewGUCNestLevel();
        for (name, value) in settings {
            pg_sys::set_config_option(
                name.as_ptr(),
                value.as_ptr(),
                pg_sys::GucContext::PGC_SUSET,
                pg_sys::GucSource::PGC_S_SESSION,
                pg_sys::GucAction::GUC_ACTION_SAVE,
                true,
                0,
                false,
            );
        }
        let result = work();
        pg_sys::AtEOXact_GUC(true, level);
        result
    }
}

/// Whether this session runs as a replica does: without ordinary triggers, and by a superuser's deliberate choice.
pub(crate) fn is_replica() -> bool {
    // SAFETY: a plain variable of this single-threaded backend.
    unsafe { pg_sys::SessionReplicationRole == pg_sys::SESSION_REPLICATION_ROLE_REPLICA as c_int }
}

/// Whether an extension's script is running.
pub(crate) fn is_creating_extension() -> bool {
    // SAFETY: as above.
    unsafe { pg_sys::creating_extension }
}

/// The schemas in which the session looks for names, in order; temporary ones are left out.
pub(crate) fn search_path() -> Vec<String> {
    // SAFETY: the list is a copy of ours, of Oids.
    unsafe {
        let list = pg_sys::fetch_search_path(false);
        let count = if list.is_null() { 0 } else { (*list).length };
        (0..count)
            .filter_map(|nth| {
                let schema = pg_sys::list_nth_oid(list, nth);
                let name = pg_sys::get_namespace_name(schema);
                if name.is_null() || pg_sys::isAnyTempNamespace(schema) {
                    return None;
                }
                Some(CStr::from_ptr(name).to_string_lossy().into_owned())
            })
            .collect()
    }
}

/// Which of these settings are not as the functions of apply pin them, with their values.
pub(crate) fn unusual(names: &[&'static str]) -> Vec<(&'static str, String)> {
    let usual = |name: &str| match name {
        "DateStyle" => "ISO, MDY",
        "IntervalStyle" => "postgres",
        "TimeZone" => "UTC",
        "extra_float_digits" => "1",
        "bytea_output" => "hex",
        _ => "on",
    };
    let value = |name: &&'static str| {
        let text = std::ffi::CString::new(*name).ok()?;
        // SAFETY: the name is NUL-terminated; the value is copied at once.
        let value = unsafe {
            let value = pg_sys::GetConfigOption(text.as_ptr(), true, false);
            (!value.is_null()).then(|| CStr::from_ptr(value).to_string_lossy().into_owned())?
        };
        (value != usual(name)).then_some((*name, value))
    };
    names.iter().filter_map(value).collect()
}
