//! A parsed statement made fit to run at a branch: nothing concurrent, nothing that is done already, nothing that
//! may not be.

#![allow(non_upper_case_globals)] // The server's names of tags.

use super::parse::{Object, Parsed, items, length};
use super::parse_objects::dropped;
use super::parse_table;
use crate::ddl::kind::Kind;
use core::ffi::CStr;
use pgrx::pg_sys::{self, NodeTag};

impl Parsed {
    /// Of a DROP: leaves only the objects for which `stays` says so; whether any is left.
    pub(crate) fn keep_dropped(self, stays: impl Fn(Object) -> bool) -> bool {
        // SAFETY: the node is a DROP; its list is rebuilt from its own members.
        unsafe {
            let drop = &mut *self.node.cast::<pg_sys::DropStmt>();
            let mut kept = core::ptr::null_mut();
            for object in items(drop.objects) {
                let found = dropped(drop.removeType, object);
                if !found.is_empty() && found.into_iter().all(&stays) {
                    kept = pg_sys::lappend(kept, object);
                }
            }
            drop.objects = kept;
            length(kept) > 0
        }
    }

    /// Makes of it what can run inside a transaction, and what finds done already what is done.
    pub(crate) fn soften(self) {
        use NodeTag::*;
        // SAFETY: each node is read as what its tag says, and is ours alone.
        unsafe {
            match self.tag() {
                T_IndexStmt => {
                    let index = &mut *self.node.cast::<pg_sys::IndexStmt>();
                    index.concurrent = false;
                    index.if_not_exists = !index.idxname.is_null();
                    index.tableSpace = core::ptr::null_mut();
                }
                T_DropStmt => {
                    let drop = &mut *self.node.cast::<pg_sys::DropStmt>();
                    drop.concurrent = false;
                    drop.missing_ok = true;
                }
                T_CreateStmt => {
                    let create = &mut *self.node.cast::<pg_sys::CreateStmt>();
                    create.if_not_exists = true;
                    create.tablespacename = core::ptr::null_mut();
                }
                T_DefineStmt => {
                    (*self.node.cast::<pg_sys::DefineStmt>()).if_not_exists = true;
                }
                T_CreateSeqStmt => {
                    (*self.node.cast::<pg_sys::CreateSeqStmt>()).if_not_exists = true;
                }
                T_CreateSchemaStmt => {
                    let schema = &mut *self.node.cast::<pg_sys::CreateSchemaStmt>();
                    schema.if_not_exists = true;
                    schema.authrole = core::ptr::null_mut();
                    schema.schemaElts = core::ptr::null_mut();
                }
                T_AlterEnumStmt => {
                    (*self.node.cast::<pg_sys::AlterEnumStmt>()).skipIfNewValExists = true;
                }
                T_AlterTableStmt => parse_table::soften(self.node.cast()),
                T_AlterSeqStmt => keep_options(self.node.cast()),
                _ => {}
            }
        }
    }

    /// Of an ALTER TABLE: leaves only the commands of kinds that `stays` admits; whether any is left. Of
    /// another statement: whether it is of such a kind.
    pub(crate) fn keep_kinds(self, stays: impl Fn(Kind) -> bool) -> bool {
        if self.tag() == NodeTag::T_AlterTableStmt {
            // SAFETY: the node is what its tag says.
            return unsafe { parse_table::keep(self.node.cast(), stays) };
        }
        let kinds = self.kinds();
        !kinds.is_empty() && kinds.into_iter().all(stays)
    }
}

/// Which numbers a sequence gives is each office's own affair.
///
/// # Safety
/// `statement` must be a parsed ALTER SEQUENCE of our own.
unsafe fn keep_options(statement: *mut pg_sys::AlterSeqStmt) {
    // SAFETY: as promised: its options are definition elements.
    unsafe {
        let mut kept = core::ptr::null_mut();
        for option in items((*statement).options) {
            let name = CStr::from_ptr((*option.cast::<pg_sys::DefElem>()).defname);
            if matches!(name.to_bytes(), b"as" | b"cache" | b"cycle" | b"owned_by") {
                kept = pg_sys::lappend(kept, option);
            }
        }
        (*statement).options = kept;
    }
}
