//! What a schema change changes, as far as it matters whether it travels.

/// A kind of schema change; by its name in `officesync.ddl_kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// CREATE, DROP, RENAME and SET SCHEMA of tables.
    Table,
    Column,
    Constraint,
    Index,
    Partition,
    /// Enums, domains and composite types.
    Type,
    Sequence,
    Schema,
    ReplicaIdentity,
    /// Storage parameters, compression, statistics targets.
    Storage,
    Comment,
    Trigger,
    RowSecurity,
    Grant,
    Owner,
    /// Never travels, whatever the switches say.
    Local,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Column => "column",
            Self::Constraint => "constraint",
            Self::Index => "index",
            Self::Partition => "partition",
            Self::Type => "type",
            Self::Sequence => "sequence",
            Self::Schema => "schema",
            Self::ReplicaIdentity => "replica identity",
            Self::Storage => "storage",
            Self::Comment => "comment",
            Self::Trigger => "trigger",
            Self::RowSecurity => "row security",
            Self::Grant => "grant",
            Self::Owner => "owner",
            Self::Local => "local",
        }
    }

    /// Whether a branch may do that to a tracked table by itself.
    pub(crate) fn is_free_at_branches(self) -> bool {
        matches!(
            self,
            Self::Index
                | Self::Storage
                | Self::Comment
                | Self::Trigger
                | Self::RowSecurity
                | Self::Grant
                | Self::Owner
                | Self::Local
        )
    }
}
