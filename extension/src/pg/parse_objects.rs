//! Which objects of the catalogue a parsed statement is about.

#![allow(non_upper_case_globals)] // The server's names of tags.

use super::parse::{Object, Parsed, items};
use crate::ddl::kind::Kind;
use core::ffi::{c_char, c_void};
use pgrx::pg_sys::{self, NodeTag, ObjectType};

impl Parsed {
    /// The objects that are there already which it changes, or to which it adds something.
    pub(crate) fn objects(self) -> Vec<Object> {
        use NodeTag::*;
        // SAFETY: each node is read as what its tag says.
        unsafe {
            match self.tag() {
                T_AlterTableStmt => {
                    of_relation((*self.node.cast::<pg_sys::AlterTableStmt>()).relation)
                }
                T_RenameStmt => {
                    let rename = &*self.node.cast::<pg_sys::RenameStmt>();
                    if rename.renameType == ObjectType::OBJECT_SCHEMA {
                        return of_schema(rename.subname);
                    }
                    named(rename.renameType, rename.relation, rename.object)
                }
                T_AlterObjectSchemaStmt => {
                    let moves = &*self.node.cast::<pg_sys::AlterObjectSchemaStmt>();
                    named(moves.objectType, moves.relation, moves.object)
                }
                T_AlterOwnerStmt => {
                    let owner = &*self.node.cast::<pg_sys::AlterOwnerStmt>();
                    named(owner.objectType, owner.relation, owner.object)
                }
                T_DropStmt => {
                    let drop = &*self.node.cast::<pg_sys::DropStmt>();
                    let objects = items(drop.objects).into_iter();
                    objects
                        .flat_map(|object| dropped(drop.removeType, object))
                        .collect()
                }
                T_IndexStmt => of_relation((*self.node.cast::<pg_sys::IndexStmt>()).relation),
                T_CreateStmt => {
                    let parents = (*self.node.cast::<pg_sys::CreateStmt>()).inhRelations;
                    let parents = items(parents).into_iter();
                    parents
                        .flat_map(|parent| of_relation(parent.cast()))
                        .collect()
                }
                T_AlterSeqStmt => of_relation((*self.node.cast::<pg_sys::AlterSeqStmt>()).sequence),
                T_AlterEnumStmt => of_type((*self.node.cast::<pg_sys::AlterEnumStmt>()).typeName),
                T_AlterDomainStmt => {
                    of_type((*self.node.cast::<pg_sys::AlterDomainStmt>()).typeName)
                }
                T_CommentStmt => {
                    let comment = &*self.node.cast::<pg_sys::CommentStmt>();
                    addressed(comment.objtype, comment.object)
                }
                T_CreateTrigStmt => {
                    of_relation((*self.node.cast::<pg_sys::CreateTrigStmt>()).relation)
                }
                T_CreatePolicyStmt => {
                    of_relation((*self.node.cast::<pg_sys::CreatePolicyStmt>()).table)
                }
                T_AlterPolicyStmt => {
                    of_relation((*self.node.cast::<pg_sys::AlterPolicyStmt>()).table)
                }
                T_GrantStmt => {
                    let grant = &*self.node.cast::<pg_sys::GrantStmt>();
                    let is_table = grant.objtype == ObjectType::OBJECT_TABLE
                        && grant.targtype == pg_sys::GrantTargetType::ACL_TARGET_OBJECT;
                    let objects = items(grant.objects).into_iter().filter(|_| is_table);
                    objects
                        .flat_map(|object| of_relation(object.cast()))
                        .collect()
                }
                _ => Vec::new(),
            }
        }
    }

    /// The object that it makes and that is there now.
    pub(crate) fn made(self) -> Option<Object> {
        use NodeTag::*;
        // SAFETY: each node is read as what its tag says.
        let made = unsafe {
            match self.tag() {
                T_CreateStmt => of_relation((*self.node.cast::<pg_sys::CreateStmt>()).relation),
                T_CreateSeqStmt => {
                    of_relation((*self.node.cast::<pg_sys::CreateSeqStmt>()).sequence)
                }
                T_CompositeTypeStmt => {
                    of_relation((*self.node.cast::<pg_sys::CompositeTypeStmt>()).typevar)
                }
                T_CreateEnumStmt => of_type((*self.node.cast::<pg_sys::CreateEnumStmt>()).typeName),
                T_CreateRangeStmt => {
                    of_type((*self.node.cast::<pg_sys::CreateRangeStmt>()).typeName)
                }
                T_CreateDomainStmt => {
                    of_type((*self.node.cast::<pg_sys::CreateDomainStmt>()).domainname)
                }
                T_CreateSchemaStmt => {
                    of_schema((*self.node.cast::<pg_sys::CreateSchemaStmt>()).schemaname)
                }
                _ => Vec::new(),
            }
        };
        made.into_iter().next()
    }
}

pub(super) fn of_object(kind: ObjectType::Type) -> Option<Kind> {
    use ObjectType::*;
    Some(match kind {
        OBJECT_TABLE => Kind::Table,
        OBJECT_COLUMN => Kind::Column,
        OBJECT_TABCONSTRAINT => Kind::Constraint,
        OBJECT_INDEX => Kind::Index,
        OBJECT_SEQUENCE => Kind::Sequence,
        OBJECT_TYPE | OBJECT_DOMAIN | OBJECT_DOMCONSTRAINT | OBJECT_ATTRIBUTE => Kind::Type,
        OBJECT_SCHEMA => Kind::Schema,
        OBJECT_TRIGGER => Kind::Trigger,
        OBJECT_POLICY => Kind::RowSecurity,
        OBJECT_RULE => Kind::Local,
        _ => return None,
    })
}

/// # Safety
/// `relation` must be a range variable, or null.
pub(super) unsafe fn of_relation(relation: *mut pg_sys::RangeVar) -> Vec<Object> {
    if relation.is_null() {
        return Vec::new();
    }
    // SAFETY: as promised; nothing is locked, the statement itself does that.
    let id = unsafe {
        pg_sys::RangeVarGetRelidExtended(
            relation,
            pg_sys::NoLock as pg_sys::LOCKMODE,
            pg_sys::RVROption::RVR_MISSING_OK,
            None,
            core::ptr::null_mut(),
        )
    };
    Object::relation(id).into_iter().collect()
}

/// # Safety
/// `names` must be a list of the parts of a name.
pub(super) unsafe fn of_type(names: *mut pg_sys::List) -> Vec<Object> {
    // SAFETY: as promised.
    let id = unsafe {
        let name = pg_sys::makeTypeNameFromNameList(names);
        pg_sys::LookupTypeNameOid(core::ptr::null_mut(), name, true)
    };
    Object::of(pg_sys::TypeRelationId, id).into_iter().collect()
}

/// # Safety
/// `name` must be NUL-terminated, or null.
unsafe fn of_schema(name: *mut c_char) -> Vec<Object> {
    if name.is_null() {
        return Vec::new();
    }
    // SAFETY: as promised.
    let id = unsafe { pg_sys::get_namespace_oid(name, true) };
    Object::of(pg_sys::NamespaceRelationId, id)
        .into_iter()
        .collect()
}

/// # Safety
/// Both must be what the parser gives for such an object.
unsafe fn named(
    kind: ObjectType::Type,
    relation: *mut pg_sys::RangeVar,
    object: *mut pg_sys::Node,
) -> Vec<Object> {
    // SAFETY: as promised.
    unsafe {
        if relation.is_null() {
            addressed(kind, object)
        } else {
            of_relation(relation)
        }
    }
}

/// # Safety
/// `object` must be what a DROP of that kind names.
pub(super) unsafe fn dropped(kind: ObjectType::Type, object: *mut c_void) -> Vec<Object> {
    use ObjectType::*;
    // SAFETY: as promised: relations are lists of names, too.
    unsafe {
        match kind {
            OBJECT_TABLE | OBJECT_INDEX | OBJECT_SEQUENCE => {
                of_relation(pg_sys::makeRangeVarFromNameList(object.cast()))
            }
            _ => addressed(kind, object.cast()),
        }
    }
}

/// # Safety
/// `object` must be what the parser gives for such an object.
unsafe fn addressed(kind: ObjectType::Type, object: *mut pg_sys::Node) -> Vec<Object> {
    if of_object(kind).is_none() {
        return Vec::new();
    }
    let mut relation = core::ptr::null_mut();
    let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
    // SAFETY: as promised; a relation that was opened on the way is closed, its lock stays.
    let address = unsafe {
        let address = pg_sys::get_object_address(kind, object, &mut relation, lock, true);
        if !relation.is_null() {
            pg_sys::relation_close(relation, pg_sys::NoLock as pg_sys::LOCKMODE);
        }
        address
    };
    Object::of(address.classId, address.objectId)
        .into_iter()
        .collect()
}
