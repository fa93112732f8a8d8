//! Statements of the data definition language as the parser leaves them: what kind they are, which objects
//! they are about, and running one.
//!
//! A statement is read as its tags say; every pointer into it lives as long as the memory context it was
//! parsed in, which is that of the running command.
#![allow(non_upper_case_globals)] // The server's names of tags.

use crate::ddl::kind::Kind;
use crate::pg::parse_objects::{of_object, of_type};
use crate::pg::{parse_functions, parse_table};
use core::ffi::{CStr, c_void};
use pgrx::pg_sys::{self, NodeTag, ObjectType, Oid};
use std::ffi::CString;

/// A statement, valid while the command runs in which it was parsed.
#[derive(Clone, Copy)]
pub(crate) struct Parsed {
    pub(super) node: *mut pg_sys::Node,
}

/// An object of the catalogue: the OID of its catalogue, and its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) class: Oid,
    pub(crate) id: Oid,
}

/// One thing that a statement does to a table.
pub(crate) struct Step {
    /// Of what kind it is, where that is not the statement's.
    pub(crate) kind: Option<Kind>,
    /// `add`, `drop`, `type`, `rename`, `need` (of a column), `read` (of the whole table), `other`.
    pub(crate) action: &'static str,
    pub(crate) column: Option<String>,
    pub(crate) new_type: Option<(Oid, i32)>,
    /// Whether an expression gives the new values.
    pub(crate) computed: bool,
    /// The functions that it calls, as they are written: schema (if any) and name.
    pub(crate) functions: Vec<(Option<String>, String)>,
}

impl Step {
    pub(super) fn of(action: &'static str) -> Self {
        Self {
            kind: None,
            action,
            column: None,
            new_type: None,
            computed: false,
            functions: Vec::new(),
        }
    }
}

impl Object {
    pub(super) fn relation(id: Oid) -> Option<Self> {
        Self::of(pg_sys::RelationRelationId, id)
    }

    pub(super) fn of(class: Oid, id: Oid) -> Option<Self> {
        (id != pg_sys::InvalidOid).then_some(Self { class, id })
    }

    /// The table of an index; the composite type of a relation's row, and the reverse.
    pub(crate) fn parent(self) -> Option<Self> {
        // SAFETY: catalogue lookups, which answer InvalidOid where there is no such thing.
        unsafe {
            if self.class == pg_sys::RelationRelationId {
                Self::relation(pg_sys::IndexGetRelation(self.id, true))
            } else if self.class == pg_sys::TypeRelationId {
                Self::relation(pg_sys::get_typ_typrelid(self.id))
            } else {
                None
            }
        }
    }
}

/// Parses `text`; the error is the number of statements in it where that is not one.
pub(crate) fn one(text: &str) -> Result<Parsed, usize> {
    let Ok(text) = CString::new(text) else {
        return Err(0);
    };
    // SAFETY: a NUL-terminated text; what the parser returns are raw statements.
    unsafe {
        let list = pg_sys::pg_parse_query(text.as_ptr());
        match length(list) {
            1 => Ok(Parsed {
                node: (*pg_sys::list_nth(list, 0).cast::<pg_sys::RawStmt>()).stmt,
            }),
            count => Err(count),
        }
    }
}

impl Parsed {
    pub(super) fn tag(self) -> NodeTag {
        // SAFETY: every node begins with its tag.
        unsafe { (*self.node).type_ }
    }

    /// What it changes; none where it is not a schema change that could concern a tracked table.
    pub(crate) fn kinds(self) -> Vec<Kind> {
        use NodeTag::*;
        // SAFETY: each node is read as what its tag says.
        unsafe {
            let kind = match self.tag() {
                T_AlterTableStmt => return parse_table::kinds(self.node.cast()),
                T_RenameStmt => of_object((*self.node.cast::<pg_sys::RenameStmt>()).renameType),
                T_AlterObjectSchemaStmt => {
                    of_object((*self.node.cast::<pg_sys::AlterObjectSchemaStmt>()).objectType)
                }
                T_DropStmt => of_object((*self.node.cast::<pg_sys::DropStmt>()).removeType),
                T_IndexStmt => Some(Kind::Index),
                T_CreateStmt => Some(
                    match (*self.node.cast::<pg_sys::CreateStmt>())
                        .partbound
                        .is_null()
                    {
                        true => Kind::Table,
                        false => Kind::Partition,
                    },
                ),
                T_CreateSeqStmt | T_AlterSeqStmt => Some(Kind::Sequence),
                T_CreateRangeStmt | T_CreateEnumStmt | T_AlterEnumStmt | T_CreateDomainStmt
                | T_AlterDomainStmt | T_CompositeTypeStmt => Some(Kind::Type),
                T_DefineStmt if self.is_collation() => Some(Kind::Type),
                T_CreateSchemaStmt => Some(Kind::Schema),
                T_CommentStmt => Some(Kind::Comment),
                T_CreateTrigStmt => Some(Kind::Trigger),
                T_CreatePolicyStmt | T_AlterPolicyStmt => Some(Kind::RowSecurity),
                T_GrantStmt => Some(Kind::Grant),
                T_AlterOwnerStmt => Some(Kind::Owner),
                _ => None,
            };
            kind.into_iter().collect()
        }
    }

    /// The statement that the server is about to run.
    ///
    /// # Safety
    /// `node` must be a statement that lives as long as this.
    pub(super) unsafe fn of(node: *mut pg_sys::Node) -> Self {
        Self { node }
    }

    /// Whether it makes an object that has to do with no other one.
    pub(crate) fn is_creation(self) -> bool {
        use NodeTag::*;
        matches!(
            self.tag(),
            T_CreateSeqStmt
                | T_CreateRangeStmt
                | T_CreateEnumStmt
                | T_CreateDomainStmt
                | T_CompositeTypeStmt
                | T_CreateSchemaStmt
        ) || self.is_collation()
            || self.tag() == T_CreateStmt && self.kinds() == [Kind::Table]
    }

    fn is_collation(self) -> bool {
        // SAFETY: the node is what its tag says.
        self.tag() == NodeTag::T_DefineStmt
            && unsafe { (*self.node.cast::<pg_sys::DefineStmt>()).kind }
                == ObjectType::OBJECT_COLLATION
    }

    /// What it changes of rows in tables that the server does not lock for it: a type that they use, or the name of
    /// their schema. A new label is in no row yet.
    pub(crate) fn changes_unlocked(self) -> Vec<Object> {
        let kinds = self.kinds();
        let about = kinds.contains(&Kind::Type) || kinds.contains(&Kind::Schema);
        if about && !self.is_creation() && !self.is_drop() && self.new_label().is_none() {
            self.objects()
        } else {
            Vec::new()
        }
    }

    /// Whether it takes something away: what is there has to be looked at before.
    pub(crate) fn is_drop(self) -> bool {
        self.tag() == NodeTag::T_DropStmt
    }

    /// Whether it takes away more than it names: what that was is seen when it is done.
    pub(crate) fn takes_away(self) -> bool {
        if self.tag() == NodeTag::T_DropOwnedStmt {
            return true;
        }
        // SAFETY: the node is what its tag says.
        self.tag() == NodeTag::T_DropStmt
            && unsafe {
                let drop = &*self.node.cast::<pg_sys::DropStmt>();
                matches!(
                    drop.removeType,
                    ObjectType::OBJECT_SCHEMA
                        | ObjectType::OBJECT_TYPE
                        | ObjectType::OBJECT_DOMAIN
                        | ObjectType::OBJECT_SEQUENCE
                        | ObjectType::OBJECT_EXTENSION
                )
            }
    }

    /// The columns whose new type's values come from an expression of more than the column itself.
    pub(crate) fn computed_columns(self) -> Vec<String> {
        if self.tag() != NodeTag::T_AlterTableStmt {
            return Vec::new();
        }
        // SAFETY: the node is what its tag says.
        unsafe { parse_table::computed(self.node.cast()) }
    }

    /// What it would do, step by step.
    pub(crate) fn steps(self) -> Vec<Step> {
        // SAFETY: each node is read as what its tag says; names are NUL-terminated.
        unsafe {
            match self.tag() {
                NodeTag::T_AlterTableStmt => parse_table::steps(self.node.cast()),
                NodeTag::T_RenameStmt => {
                    let rename = &*self.node.cast::<pg_sys::RenameStmt>();
                    let is_column = rename.renameType == ObjectType::OBJECT_COLUMN;
                    let column = is_column.then(|| CStr::from_ptr(rename.subname));
                    vec![Step {
                        column: column.map(|name| name.to_string_lossy().into_owned()),
                        ..Step::of("rename")
                    }]
                }
                NodeTag::T_IndexStmt => vec![Step {
                    functions: parse_functions::of_index(self.node.cast()),
                    ..Step::of("read")
                }],
                NodeTag::T_AlterDomainStmt => {
                    let definition = (*self.node.cast::<pg_sys::AlterDomainStmt>()).def;
                    vec![Step {
                        functions: parse_functions::of(&[definition]),
                        ..Step::of("other")
                    }]
                }
                _ => vec![Step::of("other")],
            }
        }
    }

    /// The enum to which it adds a label, if that is there, and the label.
    pub(crate) fn new_label(self) -> Option<(Object, String)> {
        if self.tag() != NodeTag::T_AlterEnumStmt {
            return None;
        }
        // SAFETY: the node is what its tag says; the label is NUL-terminated.
        unsafe {
            let alter = &*self.node.cast::<pg_sys::AlterEnumStmt>();
            if !alter.oldVal.is_null() || alter.newVal.is_null() {
                return None;
            }
            let label = CStr::from_ptr(alter.newVal).to_string_lossy().into_owned();
            Some((*of_type(alter.typeName).first()?, label))
        }
    }

    /// Whether it attaches a partition.
    pub(crate) fn attaches(self) -> bool {
        // SAFETY: the node is what its tag says.
        self.tag() == NodeTag::T_AlterTableStmt
            && unsafe { parse_table::attaches(self.node.cast()) }
    }

    /// What to do in place of it: a partition that is not here to be attached is made.
    pub(crate) fn instead(self) -> Self {
        if self.tag() != NodeTag::T_AlterTableStmt {
            return self;
        }
        // SAFETY: the node is what its tag says.
        match unsafe { parse_table::creation_of_partition(self.node.cast()) } {
            Some(node) => Self { node },
            None => self,
        }
    }

    /// Whether it detaches a partition that is not here.
    pub(crate) fn detaches_nothing(self) -> bool {
        // SAFETY: the node is what its tag says.
        self.tag() == NodeTag::T_AlterTableStmt
            && unsafe { parse_table::detached(self.node.cast()) } == Some(None)
    }

    /// Runs it as a statement by itself, with the rights that are in force.
    pub(crate) fn run(self, text: &str) {
        let Ok(text) = CString::new(text) else { return };
        // SAFETY: what the server does with a utility statement in a portal; the text and the node outlive it.
        unsafe {
            let statement = pg_sys::palloc0(size_of::<pg_sys::PlannedStmt>());
            let statement = statement.cast::<pg_sys::PlannedStmt>();
            (*statement).type_ = NodeTag::T_PlannedStmt;
            (*statement).commandType = pg_sys::CmdType::CMD_UTILITY;
            (*statement).utilityStmt = self.node;
            (*statement).stmt_location = 0;
            pg_sys::CommandCounterIncrement();
            pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
            pg_sys::ProcessUtility(
                statement,
                text.as_ptr(),
                #[cfg(not(feature = "pg13"))]
                false,
                pg_sys::ProcessUtilityContext::PROCESS_UTILITY_QUERY,
                core::ptr::null_mut(),
                core::ptr::null_mut(),
                pg_sys::None_Receiver,
                core::ptr::null_mut(),
            );
            if pg_sys::ActiveSnapshotSet() {
                pg_sys::PopActiveSnapshot();
            }
            pg_sys::CommandCounterIncrement();
        }
    }
}

/// # Safety
/// `list` must be a list of pointers, or null.
pub(super) unsafe fn items(list: *mut pg_sys::List) -> Vec<*mut c_void> {
    // SAFETY: as promised.
    unsafe {
        (0..length(list))
            .map(|nth| pg_sys::list_nth(list, nth as i32))
            .collect()
    }
}

/// # Safety
/// `list` must be a list, or null.
pub(super) unsafe fn length(list: *mut pg_sys::List) -> usize {
    // SAFETY: as promised.
    unsafe {
        if list.is_null() {
            0
        } else {
            (*list).length.max(0) as usize
        }
    }
}
