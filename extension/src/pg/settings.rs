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

/// Runs `work` as changes from elsewhere are written, whatever the session has set.
///
/// As a replica does: neither ordinary triggers nor rules fire, for what arrives has passed them at the office that wrote
/// it. Texts are read as the wire format writes them. Statements go by indexes, and keep their plans. Of a deadlock with
/// a user's transaction this one is the victim, for it is tried again; and where the circle closes later, it gives way
/// before the user's own second is over.
///
/// Not by SET on the functions, which costs as much as all else that is done for a small tick; and setting
/// session_replication_role drops every plan of the session, for the sake of rules.
pub(crate) fn applying<R>(work: impl FnOnce() -> R) -> R {
    let _before = Applying::begin();
    let unusual: Vec<_> = FORMATS
        .iter()
        .filter(|(_, _, is_set)| !is_set())
        .map(|(name, value, _)| (*name, *value))
        .collect();
    match unusual.is_empty() {
        true => work(),
        false => scoped(&unusual, work),
    }
}

/// A setting, the value it must have, and whether it has.
type Format = (&'static CStr, &'static CStr, fn() -> bool);

/// How values become text and text values.
// SAFETY: plain variables of this single-threaded backend; the locale's name is a C string or null.
static FORMATS: &[Format] = unsafe {
    &[
        (c"DateStyle", c"ISO, MDY", || {
            pg_sys::DateStyle == pg_sys::USE_ISO_DATES as c_int
                && pg_sys::DateOrder == pg_sys::DATEORDER_MDY as c_int
        }),
        (c"IntervalStyle", c"postgres", || {
            pg_sys::IntervalStyle == pg_sys::INTSTYLE_POSTGRES as c_int
        }),
        (c"TimeZone", c"UTC", || pg_sys::session_timezone == utc()),
        (c"lc_monetary", c"C", || {
            !ffi::locale_monetary.is_null() && CStr::from_ptr(ffi::locale_monetary) == c"C"
        }),
        (c"xmloption", c"content", || {
            ffi::xmloption == ffi::XMLOPTION_CONTENT
        }),
        (c"extra_float_digits", c"1", || {
            pg_sys::extra_float_digits == 1
        }),
        (c"bytea_output", c"hex", || {
            ffi::bytea_output == ffi::BYTEA_OUTPUT_HEX
        }),
    ]
};

/// While this lives, the variables that no other part of a session's settings depends on are as apply needs them.
struct Applying {
    replication_role: c_int,
    deadlock_timeout: c_int,
    lock_timeout: c_int,
    plan_cache_mode: c_int,
    enable: [bool; 4],
}

/// Milliseconds.
const DEADLOCK_TIMEOUT: c_int = 50;
const LOCK_TIMEOUT: c_int = 500;

impl Applying {
    fn begin() -> Self {
        // SAFETY: plain variables of this single-threaded backend.
        let before = unsafe {
            Self {
                replication_role: pg_sys::SessionReplicationRole,
                deadlock_timeout: pg_sys::DeadlockTimeout,
                lock_timeout: pg_sys::LockTimeout,
                plan_cache_mode: pg_sys::plan_cache_mode,
                enable: [
                    pg_sys::enable_seqscan,
                    pg_sys::enable_hashjoin,
                    pg_sys::enable_mergejoin,
                    pg_sys::jit_enabled,
                ],
            }
        };
        Self {
            replication_role: pg_sys::SESSION_REPLICATION_ROLE_REPLICA as c_int,
            deadlock_timeout: DEADLOCK_TIMEOUT,
            lock_timeout: LOCK_TIMEOUT,
            plan_cache_mode: pg_sys::PlanCacheMode::PLAN_CACHE_MODE_FORCE_GENERIC_PLAN as c_int,
            enable: [false; 4],
        }
        .put();
        before
    }

    fn put(&self) {
        // SAFETY: as above; also while an error unwinds.
        unsafe {
            pg_sys::SessionReplicationRole = self.replication_role;
            pg_sys::DeadlockTimeout = self.deadlock_timeout;
            pg_sys::LockTimeout = self.lock_timeout;
            pg_sys::plan_cache_mode = self.plan_cache_mode;
            [
                pg_sys::enable_seqscan,
                pg_sys::enable_hashjoin,
                pg_sys::enable_mergejoin,
                pg_sys::jit_enabled,
            ] = self.enable;
        }
    }
}

impl Drop for Applying {
    fn drop(&mut self) {
        self.put();
    }
}

/// Lets this transaction's commit be visible before it is on disk.
pub(crate) fn commit_without_waiting() {
    set_locally(c"synchronous_commit", c"off");
}

/// Makes it wait for the disk where the session does not.
pub(crate) fn commit_with_waiting() {
    // SAFETY: a plain variable of this backend.
    let waits = unsafe { pg_sys::synchronous_commit };
    if waits == pg_sys::SyncCommitLevel::SYNCHRONOUS_COMMIT_OFF as c_int {
        set_locally(c"synchronous_commit", c"on");
    }
}

/// What SET LOCAL does.
fn set_locally(name: &CStr, value: &CStr) {
    // SAFETY: name and value are valid ones; the end of the transaction puts it back.
    unsafe {
        pg_sys::set_config_option(
            name.as_ptr(),
            value.as_ptr(),
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
