//! Being told when a statement that writes begins, has written its rows, and ends.

use super::ffi;
use crate::ddl::capture;
use crate::pg::parse::Parsed;
use crate::transaction;
use core::ffi::{CStr, c_char};
use pgrx::{pg_guard, pg_sys};
use std::cell::Cell;

thread_local! {
    static PREVIOUS_RUN: Cell<pg_sys::ExecutorRun_hook_type> = const { Cell::new(None) };
    static PREVIOUS_FINISH: Cell<pg_sys::ExecutorFinish_hook_type> = const { Cell::new(None) };
    static PREVIOUS_UTILITY: Cell<pg_sys::ProcessUtility_hook_type> = const { Cell::new(None) };
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Installs the hooks; called once, when the library is loaded.
pub(crate) fn watch() {
    // SAFETY: hook variables of this single-threaded backend; what was there is called by ours.
    unsafe {
        PREVIOUS_RUN.set(pg_sys::ExecutorRun_hook);
        PREVIOUS_FINISH.set(pg_sys::ExecutorFinish_hook);
        PREVIOUS_UTILITY.set(pg_sys::ProcessUtility_hook);
        pg_sys::ExecutorRun_hook = Some(run);
        pg_sys::ExecutorFinish_hook = Some(finish);
        pg_sys::ProcessUtility_hook = Some(utility);
    }
}

/// How many triggers are running inside each other.
pub(crate) fn trigger_depth() -> i32 {
    // SAFETY: the function takes no arguments and reads backend-local state.
    unsafe { pgrx::direct_function_call::<i32>(pg_sys::pg_trigger_depth, &[]) }.unwrap_or_default()
}

/// Whether the statement writes rows of tables, and if so as which command, and whether its
/// triggers fire with those of the statement around it.
///
/// # Safety
/// `query` must be a started query.
unsafe fn writes(query: *mut pg_sys::QueryDesc) -> Option<(pg_sys::CommandId, bool)> {
    // SAFETY: a started query has a plan and an executor state.
    unsafe {
        let query = &*query;
        let writes =
            query.operation != pg_sys::CmdType::CMD_SELECT || (*query.plannedstmt).hasModifyingCTE;
        let state = &*query.estate;
        let fires_later = state.es_top_eflags & pg_sys::EXEC_FLAG_SKIP_TRIGGERS as i32 != 0;
        writes.then_some((state.es_output_cid, fires_later))
    }
}

#[cfg(not(feature = "pg18"))]
#[pg_guard]
unsafe extern "C-unwind" fn run(
    query: *mut pg_sys::QueryDesc,
    direction: pg_sys::ScanDirection::Type,
    count: u64,
    once: bool,
) {
    // SAFETY: we pass on what we were given. Behind a pointer pgrx guards nothing by itself.
    unsafe {
        begin(query);
        match PREVIOUS_RUN.get() {
            Some(previous) => ffi::guarded(|| previous(query, direction, count, once)),
            None => pg_sys::standard_ExecutorRun(query, direction, count, once),
        }
    }
}

#[cfg(feature = "pg18")]
#[pg_guard]
unsafe extern "C-unwind" fn run(
    query: *mut pg_sys::QueryDesc,
    direction: pg_sys::ScanDirection::Type,
    count: u64,
) {
    // SAFETY: we pass on what we were given. Behind a pointer pgrx guards nothing by itself.
    unsafe {
        begin(query);
        match PREVIOUS_RUN.get() {
            Some(previous) => ffi::guarded(|| previous(query, direction, count)),
            None => pg_sys::standard_ExecutorRun(query, direction, count),
        }
    }
}

/// # Safety
/// `query` must be a started query.
unsafe fn begin(query: *mut pg_sys::QueryDesc) {
    // SAFETY: as promised.
    match unsafe { writes(query) } {
        Some((command, false)) => transaction::statement_begins(query.addr(), command),
        Some((command, true)) => transaction::statement_joins(command),
        None => {}
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn finish(query: *mut pg_sys::QueryDesc) {
    // SAFETY: we pass on what we were given.
    unsafe {
        let ours = matches!(writes(query), Some((_, false)));
        if ours {
            transaction::statement_finishing(query.addr());
        }
        match PREVIOUS_FINISH.get() {
            Some(previous) => ffi::guarded(|| previous(query)),
            None => pg_sys::standard_ExecutorFinish(query),
        }
        if ours {
            transaction::statement_ended(query.addr());
        }
    }
}

/// COPY writes rows without the executor; schema changes are looked at before and after.
#[pg_guard]
#[allow(clippy::too_many_arguments)]
unsafe extern "C-unwind" fn utility(
    statement: *mut pg_sys::PlannedStmt,
    text: *const c_char,
    #[cfg(not(feature = "pg13"))] read_only: bool,
    context: pg_sys::ProcessUtilityContext::Type,
    parameters: pg_sys::ParamListInfo,
    environment: *mut pg_sys::QueryEnvironment,
    destination: *mut pg_sys::DestReceiver,
    completion: *mut pg_sys::QueryCompletion,
) {
    // SAFETY: the node is read as what its tag says; we pass on what we were given.
    unsafe {
        let node = (*statement).utilityStmt;
        let copies = (*node).type_ == pg_sys::NodeTag::T_CopyStmt
            && (*node.cast::<pg_sys::CopyStmt>()).is_from;
        if copies {
            transaction::statement_begins(node.addr(), pg_sys::GetCurrentCommandId(false));
        }
        let is_whole = context != pg_sys::ProcessUtilityContext::PROCESS_UTILITY_SUBCOMMAND;
        let _depth = Depth::deeper();
        let watched =
            is_whole.then(|| capture::begin(Parsed::of(node), || own_text(statement, text)));
        match PREVIOUS_UTILITY.get() {
            Some(previous) => ffi::guarded(|| {
                previous(
                    statement,
                    text,
                    #[cfg(not(feature = "pg13"))]
                    read_only,
                    context,
                    parameters,
                    environment,
                    destination,
                    completion,
                );
            }),
            None => pg_sys::standard_ProcessUtility(
                statement,
                text,
                #[cfg(not(feature = "pg13"))]
                read_only,
                context,
                parameters,
                environment,
                destination,
                completion,
            ),
        }
        if copies {
            transaction::statement_ended(node.addr());
        }
        if let Some(Some(watched)) = watched {
            capture::end(&watched);
        }
    }
}

/// How many utility statements run inside each other, as far as they were seen.
struct Depth;

impl Depth {
    fn deeper() -> Self {
        DEPTH.set(DEPTH.get() + 1);
        Self
    }
}

impl Drop for Depth {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

/// Whether the utility statement that runs was seen from its beginning.
pub(super) fn is_seen() -> bool {
    DEPTH.get() > 0
}

/// The statement's own part of a text that may hold several.
///
/// # Safety
/// `text` must be what `statement` was parsed from.
unsafe fn own_text(statement: *const pg_sys::PlannedStmt, text: *const c_char) -> String {
    // SAFETY: as promised; the numbers are offsets into the text.
    unsafe {
        let all = CStr::from_ptr(text).to_bytes();
        let start = (*statement).stmt_location.max(0) as usize;
        let own = all.get(start..).unwrap_or(all);
        let length = (*statement).stmt_len.max(0) as usize;
        let own = if length > 0 {
            own.get(..length).unwrap_or(own)
        } else {
            own
        };
        String::from_utf8_lossy(own).trim().to_owned()
    }
}
