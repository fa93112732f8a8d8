//! The commands of one ALTER TABLE, as the parser leaves them.
#![allow(non_upper_case_globals)] // The server's names of tags.

use super::ffi;
use super::parse::{Step, items, length};
use super::parse_functions;
use super::parse_objects::of_relation;
use crate::ddl::kind::Kind;
use core::ffi::CStr;
use pgrx::pg_sys::{self, AlterTableType, NodeTag, ObjectType};

/// What the commands change, each kind once.
///
/// # Safety
/// `statement` must be a parsed ALTER TABLE.
pub(super) unsafe fn kinds(statement: *mut pg_sys::AlterTableStmt) -> Vec<Kind> {
    // SAFETY: as promised; its commands are of that one type.
    unsafe {
        let object = (*statement).objtype;
        let mut kinds = Vec::new();
        for command in items((*statement).cmds) {
            let kind = kind(object, (*command.cast::<pg_sys::AlterTableCmd>()).subtype);
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        kinds
    }
}

/// The columns whose type changes USING more than the column itself, or a cast of it.
///
/// # Safety
/// `statement` must be a parsed ALTER TABLE.
pub(super) unsafe fn computed(statement: *mut pg_sys::AlterTableStmt) -> Vec<String> {
    // SAFETY: as promised; nodes are read as what their tags say.
    unsafe {
        let commands = items((*statement).cmds).into_iter();
        let commands = commands.map(|command| &*command.cast::<pg_sys::AlterTableCmd>());
        let types = commands.filter(|one| one.subtype == AlterTableType::AT_AlterColumnType);
        types
            .filter(|command| {
                let mut using = (*command.def.cast::<pg_sys::ColumnDef>()).raw_default;
                while !using.is_null() && (*using).type_ == NodeTag::T_TypeCast {
                    using = (*using.cast::<pg_sys::TypeCast>()).arg;
                }
                !using.is_null() && (*using).type_ != NodeTag::T_ColumnRef
            })
            .map(|command| CStr::from_ptr(command.name).to_string_lossy().into_owned())
            .collect()
    }
}

/// Whether it makes a table a partition.
///
/// # Safety
/// `statement` must be a parsed ALTER TABLE.
pub(super) unsafe fn attaches(statement: *mut pg_sys::AlterTableStmt) -> bool {
    // SAFETY: as promised.
    unsafe {
        items((*statement).cmds).into_iter().any(|command| {
            (*command.cast::<pg_sys::AlterTableCmd>()).subtype == AlterTableType::AT_AttachPartition
        })
    }
}

/// What the commands would do.
///
/// # Safety
/// `statement` must be a parsed ALTER TABLE.
pub(super) unsafe fn steps(statement: *mut pg_sys::AlterTableStmt) -> Vec<Step> {
    use AlterTableType::*;
    // SAFETY: as promised; definitions are what their commands say, and looked up where that is needed.
    unsafe {
        let computed = computed(statement);
        let commands = items((*statement).cmds).into_iter();
        let commands = commands.map(|command| &*command.cast::<pg_sys::AlterTableCmd>());
        commands
            .map(|command| {
                let name = |text: *const core::ffi::c_char| {
                    (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned())
                };
                let action = match command.subtype {
                    AT_AddColumn => "add",
                    AT_DropColumn => "drop",
                    AT_AlterColumnType => "type",
                    AT_ColumnDefault | AT_SetNotNull | AT_DropNotNull | AT_SetStorage
                    | AT_SetStatistics => "need",
                    AT_AddConstraint => {
                        let constraint = &*command.def.cast::<pg_sys::Constraint>();
                        if constraint.skip_validation {
                            "other"
                        } else {
                            "read"
                        }
                    }
                    AT_ValidateConstraint => "read",
                    _ => "other",
                };
                let defines = matches!(action, "add" | "type");
                let column = defines.then(|| &*command.def.cast::<pg_sys::ColumnDef>());
                let new_type = column.map(|column| {
                    let (mut id, mut modifier) = (pg_sys::InvalidOid, -1);
                    let none = core::ptr::null_mut();
                    pg_sys::typenameTypeIdAndMod(none, column.typeName, &mut id, &mut modifier);
                    (id, modifier)
                });
                let column = match action {
                    "add" => column.and_then(|column| name(column.colname)),
                    "drop" | "type" | "need" => name(command.name),
                    _ => None,
                };
                Step {
                    kind: Some(kind((*statement).objtype, command.subtype)),
                    computed: column
                        .as_ref()
                        .is_some_and(|column| computed.contains(column)),
                    functions: parse_functions::of(&[command.def]),
                    column,
                    new_type,
                    action,
                }
            })
            .collect()
    }
}

/// Leaves only the commands of kinds that `stays` admits; whether any is left.
///
/// # Safety
/// `statement` must be a parsed ALTER TABLE.
pub(super) unsafe fn keep(
    statement: *mut pg_sys::AlterTableStmt,
    stays: impl Fn(Kind) -> bool,
) -> bool {
    // SAFETY: as promised; the list is rebuilt from its own members.
    unsafe {
        let statement = &mut *statement;
        let mut kept = core::ptr::null_mut();
        for command in items(statement.cmds) {
            let subtype = (*command.cast::<pg_sys::AlterTableCmd>()).subtype;
            if stays(kind(statement.objtype, subtype)) {
                kept = pg_sys::lappend(kept, command);
            }
        }
        statement.cmds = kept;
        length(kept) > 0
    }
}

/// What is done already is no error, and nothing is done concurrently.
///
/// # Safety
/// `statement` must be a parsed ALTER TABLE of our own.
pub(super) unsafe fn soften(statement: *mut pg_sys::AlterTableStmt) {
    use AlterTableType::*;
    // SAFETY: as promised; the definition of such a command is the partition it is about.
    unsafe {
        let relation = of_relation((*statement).relation);
        let mut left = core::ptr::null_mut();
        for item in items((*statement).cmds) {
            let command = &mut *item.cast::<pg_sys::AlterTableCmd>();
            if !adds_known_constraint(command, relation.first().map(|object| object.id)) {
                left = pg_sys::lappend(left, item);
            }
            match command.subtype {
                AT_AddColumn | AT_DropColumn | AT_DropConstraint | AT_DropIdentity
                | AT_DropExpression => command.missing_ok = true,
                #[cfg(not(feature = "pg13"))]
                AT_DetachPartition => {
                    (*command.def.cast::<pg_sys::PartitionCmd>()).concurrent = false;
                }
                _ => {}
            }
        }
        (*statement).cmds = left;
    }
}

/// Whether it adds a constraint of a name that the table has.
///
/// # Safety
/// `command` must be one of an ALTER TABLE.
unsafe fn adds_known_constraint(
    command: &pg_sys::AlterTableCmd,
    relation: Option<pg_sys::Oid>,
) -> bool {
    // SAFETY: as promised: the definition of such a command is a constraint.
    unsafe {
        if command.subtype != AlterTableType::AT_AddConstraint || command.def.is_null() {
            return false;
        }
        let name = (*command.def.cast::<pg_sys::Constraint>()).conname;
        relation.is_some_and(|relation| {
            !name.is_null()
                && ffi::guarded(|| ffi::get_relation_constraint_oid(relation, name, true))
                    != pg_sys::InvalidOid
        })
    }
}

/// The partition that it attaches, where there is no table of that name here: made instead.
///
/// # Safety
/// `statement` must be a parsed ALTER TABLE of our own.
pub(super) unsafe fn creation_of_partition(
    statement: *mut pg_sys::AlterTableStmt,
) -> Option<*mut pg_sys::Node> {
    // SAFETY: as promised; the new node takes over parts of the old one.
    unsafe {
        let commands = items((*statement).cmds);
        let [command] = commands.as_slice() else {
            return None;
        };
        let command = &*command.cast::<pg_sys::AlterTableCmd>();
        if command.subtype != AlterTableType::AT_AttachPartition {
            return None;
        }
        let partition = &*command.def.cast::<pg_sys::PartitionCmd>();
        if partition.bound.is_null() || !of_relation(partition.name).is_empty() {
            return None;
        }
        let create = pg_sys::palloc0(size_of::<pg_sys::CreateStmt>()).cast::<pg_sys::CreateStmt>();
        (*create).type_ = NodeTag::T_CreateStmt;
        (*create).relation = partition.name;
        (*create).inhRelations =
            pg_sys::lappend(core::ptr::null_mut(), (*statement).relation.cast());
        (*create).partbound = partition.bound;
        (*create).oncommit = pg_sys::OnCommitAction::ONCOMMIT_NOOP;
        (*create).if_not_exists = true;
        Some(create.cast())
    }
}

/// The partition that it detaches, if it is there.
///
/// # Safety
/// `statement` must be a parsed ALTER TABLE.
pub(super) unsafe fn detached(
    statement: *mut pg_sys::AlterTableStmt,
) -> Option<Option<pg_sys::Oid>> {
    // SAFETY: as promised.
    unsafe {
        let commands = items((*statement).cmds).into_iter();
        let mut commands = commands.map(|command| &*command.cast::<pg_sys::AlterTableCmd>());
        let command = commands.find(|one| one.subtype == AlterTableType::AT_DetachPartition)?;
        let partition = of_relation((*command.def.cast::<pg_sys::PartitionCmd>()).name);
        Some(partition.first().map(|object| object.id))
    }
}

fn kind(object: ObjectType::Type, command: AlterTableType::Type) -> Kind {
    use AlterTableType::*;
    match object {
        ObjectType::OBJECT_INDEX => return Kind::Index,
        ObjectType::OBJECT_SEQUENCE => return Kind::Sequence,
        ObjectType::OBJECT_TYPE => return Kind::Type,
        ObjectType::OBJECT_TABLE => {}
        _ => return Kind::Local,
    }
    match command {
        AT_AddColumn | AT_DropColumn | AT_AlterColumnType | AT_ColumnDefault | AT_SetNotNull
        | AT_DropNotNull | AT_DropExpression | AT_AddIdentity | AT_SetIdentity
        | AT_DropIdentity => Kind::Column,
        AT_AddConstraint
        | AT_AlterConstraint
        | AT_ValidateConstraint
        | AT_DropConstraint
        | AT_AddIndexConstraint => Kind::Constraint,
        AT_SetStorage | AT_SetStatistics | AT_SetOptions | AT_ResetOptions | AT_SetRelOptions
        | AT_ResetRelOptions => Kind::Storage,
        #[cfg(not(feature = "pg13"))]
        AT_SetCompression => Kind::Storage,
        AT_ReplicaIdentity => Kind::ReplicaIdentity,
        AT_AttachPartition | AT_DetachPartition => Kind::Partition,
        AT_ChangeOwner => Kind::Owner,
        AT_EnableTrig | AT_EnableAlwaysTrig | AT_EnableReplicaTrig | AT_DisableTrig
        | AT_EnableTrigAll | AT_DisableTrigAll | AT_EnableTrigUser | AT_DisableTrigUser => {
            Kind::Trigger
        }
        AT_EnableRowSecurity
        | AT_DisableRowSecurity
        | AT_ForceRowSecurity
        | AT_NoForceRowSecurity => Kind::RowSecurity,
        _ => Kind::Local,
    }
}
