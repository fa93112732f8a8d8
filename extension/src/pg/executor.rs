//! The executor's state where PostgreSQL's versions differ, and its nodes.

use pgrx::pg_sys;

/// A new node of that kind, zeroed, in the current memory context.
///
/// # Safety
/// `tag` must be that of `T`.
pub(super) unsafe fn node<T>(tag: pg_sys::NodeTag) -> *mut T {
    // SAFETY: every node begins with its tag.
    unsafe {
        let node = pg_sys::palloc0(size_of::<T>());
        (*node.cast::<pg_sys::Node>()).type_ = tag;
        node.cast()
    }
}

/// # Safety
/// `state` and `entry` must live.
#[cfg(any(feature = "pg13", feature = "pg14", feature = "pg15"))]
pub(super) unsafe fn range_table(state: *mut pg_sys::EState, entry: *mut pg_sys::RangeTblEntry) {
    // SAFETY: as promised.
    unsafe {
        pg_sys::ExecInitRangeTable(state, pg_sys::lappend(core::ptr::null_mut(), entry.cast()));
    }
}

/// # Safety
/// `state` and `entry` must live.
#[cfg(any(feature = "pg16", feature = "pg17", feature = "pg18"))]
pub(super) unsafe fn range_table(state: *mut pg_sys::EState, entry: *mut pg_sys::RangeTblEntry) {
    // SAFETY: as promised.
    unsafe {
        let mut permissions = core::ptr::null_mut();
        pg_sys::addRTEPermissionInfo(&mut permissions, entry);
        pg_sys::ExecInitRangeTable(
            state,
            pg_sys::lappend(core::ptr::null_mut(), entry.cast()),
            permissions,
            #[cfg(feature = "pg18")]
            pg_sys::bms_add_member(core::ptr::null_mut(), 1),
        );
    }
}

/// # Safety
/// `state` and `entry` must live.
#[cfg(any(feature = "pg13", feature = "pg14", feature = "pg15"))]
pub(super) unsafe fn updated_columns(
    _state: *mut pg_sys::EState,
    entry: *mut pg_sys::RangeTblEntry,
    columns: *mut pg_sys::Bitmapset,
) {
    // SAFETY: as promised.
    unsafe { (*entry).updatedCols = columns };
}

/// # Safety
/// `state` and `entry` must live.
#[cfg(any(feature = "pg16", feature = "pg17", feature = "pg18"))]
pub(super) unsafe fn updated_columns(
    state: *mut pg_sys::EState,
    entry: *mut pg_sys::RangeTblEntry,
    columns: *mut pg_sys::Bitmapset,
) {
    // SAFETY: as promised; the entry was given its permissions in `range_table`.
    unsafe {
        let permissions = pg_sys::getRTEPermissionInfo((*state).es_rteperminfos, entry);
        (*permissions).updatedCols = columns;
    }
}
