//! Acting as someone else, and knowing who called.

use pgrx::pg_sys;

/// The superuser that initdb made, who always exists.
pub(crate) const FOUNDER: pg_sys::Oid = pg_sys::Oid::from_u32(pg_sys::BOOTSTRAP_SUPERUSERID);

/// The role that called the outermost SECURITY DEFINER function (respecting SET ROLE).
pub(crate) fn caller() -> pg_sys::Oid {
    // SAFETY: reads backend-local state.
    unsafe { pg_sys::GetOuterUserId() }
}

/// The owner of the database at hand.
pub(crate) fn owner_of_database() -> pg_sys::Oid {
    // SAFETY: a catalogue lookup; the form lies in the cached tuple, which is released after it is read.
    unsafe {
        let key = pg_sys::Datum::from(pg_sys::MyDatabaseId);
        let cache = pg_sys::SysCacheIdentifier::DATABASEOID as i32;
        let tuple = pg_sys::SearchSysCache1(cache, key);
        if tuple.is_null() {
            return pg_sys::InvalidOid;
        }
        let owner = (*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_database>()).datdba;
        pg_sys::ReleaseSysCache(tuple);
        owner
    }
}

/// Runs `work` with the rights of `role` and nothing more: no SET ROLE, no row security, no
/// temporary objects. So an expression or a default that belongs to a table's owner can't use the
/// rights of the extension's owner (what PostgreSQL's own apply worker does since version 16).
pub(crate) fn acting_as<R>(role: pg_sys::Oid, work: impl FnOnce() -> R) -> R {
    let mut user = pg_sys::InvalidOid;
    let mut context = 0;
    // SAFETY: plain getters and setters; on an error the (sub)transaction's abort restores both,
    // otherwise we do below.
    unsafe {
        pg_sys::GetUserIdAndSecContext(&mut user, &mut context);
        let restricted = pg_sys::SECURITY_LOCAL_USERID_CHANGE
            | pg_sys::SECURITY_RESTRICTED_OPERATION
            | pg_sys::SECURITY_NOFORCE_RLS;
        pg_sys::SetUserIdAndSecContext(role, context | restricted as i32);
    }
    let result = work();
    // SAFETY: as above.
    unsafe { pg_sys::SetUserIdAndSecContext(user, context) };
    result
}
