//! What a statement is, by the server's own parser.

use crate::pg::ffi;
use pgrx::pg_sys::{self, NodeTag};
use std::ffi::CString;

/// The kinds of statements that make tables and what they need.
const ALLOWED: [NodeTag; 12] = [
    NodeTag::T_CreateSchemaStmt,
    NodeTag::T_CreateExtensionStmt,
    NodeTag::T_DefineStmt,
    NodeTag::T_CompositeTypeStmt,
    NodeTag::T_CreateEnumStmt,
    NodeTag::T_CreateRangeStmt,
    NodeTag::T_CreateDomainStmt,
    NodeTag::T_CreateSeqStmt,
    NodeTag::T_AlterSeqStmt,
    NodeTag::T_CreateStmt,
    NodeTag::T_AlterTableStmt,
    NodeTag::T_IndexStmt,
];

/// Whether `statement` is a single one, of a kind that makes tables; else what is wrong with it.
pub(crate) fn check(statement: &str) -> Result<(), &'static str> {
    let Ok(text) = CString::new(statement) else {
        return Err("it contains a NUL byte");
    };
    // SAFETY: the parser answers with a list of RawStmt; each holds a node, which begins with its tag.
    unsafe {
        let parsed = ffi::guarded(|| pg_sys::pg_parse_query(text.as_ptr()));
        if parsed.is_null() || (*parsed).length != 1 {
            return Err("it is not one statement");
        }
        let raw = pg_sys::list_nth(parsed, 0).cast::<pg_sys::RawStmt>();
        let tag = (*(*raw).stmt).type_;
        if ALLOWED.contains(&tag) {
            Ok(())
        } else {
            Err("it is of another kind")
        }
    }
}
