//! The functions that a parsed definition calls, by their names as they are written.

use super::entry::string_of;
use super::ffi;
use super::parse::items;
use core::ffi::{CStr, c_void};
use pgrx::pg_sys::{self, Node, NodeTag};

/// Schema (if it is named) and name.
type Name = (Option<String>, String);

unsafe extern "C-unwind" {
    /// Visits the children of a node that the parser left, but for most of those of definitions.
    #[cfg(any(feature = "pg13", feature = "pg14", feature = "pg15"))]
    fn raw_expression_tree_walker(
        node: *mut Node,
        walker: Option<unsafe extern "C-unwind" fn(*mut Node, *mut c_void) -> bool>,
        context: *mut c_void,
    ) -> bool;
}

/// Those of definitions of columns and constraints, and of expressions.
///
/// # Safety
/// Each node must be what the parser left of one, or null.
pub(super) unsafe fn of(nodes: &[*mut Node]) -> Vec<Name> {
    let mut names = Vec::new();
    for node in nodes {
        // SAFETY: as promised; the walker gets the list that it was given.
        unsafe { visit(*node, (&raw mut names).cast()) };
    }
    names
}

/// Those of an index: of its expressions and its condition.
///
/// # Safety
/// `statement` must be a parsed CREATE INDEX.
pub(super) unsafe fn of_index(statement: *mut pg_sys::IndexStmt) -> Vec<Name> {
    // SAFETY: as promised; its parameters are index elements.
    unsafe {
        let elements = items((*statement).indexParams).into_iter();
        let mut nodes: Vec<*mut Node> = elements
            .map(|element| (*element.cast::<pg_sys::IndexElem>()).expr)
            .collect();
        nodes.push((*statement).whereClause);
        of(&nodes)
    }
}

/// # Safety
/// `names` must be a list of names.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn visit(node: *mut Node, names: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: as promised; each node is read as what its tag says.
    unsafe {
        match (*node).type_ {
            NodeTag::T_ColumnDef => {
                let column = &*node.cast::<pg_sys::ColumnDef>();
                visit(column.raw_default, names);
                for constraint in items(column.constraints) {
                    visit(constraint.cast(), names);
                }
                false
            }
            NodeTag::T_Constraint => visit((*node.cast::<pg_sys::Constraint>()).raw_expr, names),
            NodeTag::T_FuncCall => {
                let call = &*node.cast::<pg_sys::FuncCall>();
                let written = items(call.funcname).into_iter();
                let mut written: Vec<String> = written
                    .map(|part| CStr::from_ptr(string_of(part.cast())))
                    .map(|part| part.to_string_lossy().into_owned())
                    .collect();
                if let Some(name) = written.pop() {
                    (*names.cast::<Vec<Name>>()).push((written.pop(), name));
                }
                walk(node, names)
            }
            // Commands have other things for a definition: partitions, roles, sequences.
            NodeTag::T_PartitionCmd
            | NodeTag::T_RoleSpec
            | NodeTag::T_ReplicaIdentityStmt
            | NodeTag::T_DefElem
            | NodeTag::T_RangeVar => false,
            _ => walk(node, names),
        }
    }
}

/// # Safety
/// `node` must be an expression as the parser left it.
unsafe fn walk(node: *mut Node, names: *mut c_void) -> bool {
    // SAFETY: as promised.
    unsafe {
        #[cfg(any(feature = "pg13", feature = "pg14", feature = "pg15"))]
        let found = ffi::guarded(|| raw_expression_tree_walker(node, Some(visit), names));
        #[cfg(not(any(feature = "pg13", feature = "pg14", feature = "pg15")))]
        let found = pg_sys::raw_expression_tree_walker_impl(node, Some(visit), names);
        found
    }
}
