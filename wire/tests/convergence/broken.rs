//! The rules of the protocol, each as what it is to break it. The checks have to see every one of them.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// A branch writes the head's changes over its own pending ones.
    PendingOverwritten,
    /// A pending change of a key is pending for the new key only.
    OldKeyNotPending,
    /// A pending TRUNCATE makes no key pending.
    TruncateNotPending,
    /// A TRUNCATE from the head takes pending rows with it.
    TruncateTakesPending,
    /// A branch skips its own echo also where the head decided otherwise.
    MergedIgnored,
    /// A branch's own changes never stop being pending.
    NeverAcknowledged,
    /// The head decides otherwise and does not say so.
    MergedNotSaid,
    /// After a merged line of a tick, a later line of the tick that stands as sent is not passed on whole.
    LaterLinesNotMerged,
    /// A merged line carries only what the head had to write.
    MergedOnlyWritten,
    /// A merged change of a key says only how the new key stands.
    MergedWithoutOldKey,
    /// A branch acknowledges lines that it left out for pending keys.
    AcknowledgedPastLeftOut,
    /// A merged line counts as having written the columns that it left as they were.
    MergedWroteAll,
    /// The head takes the last writer of the row for the writer of each column.
    WriterOfRow,
    /// The head takes the branch's own decided changes for those of others.
    OwnCountsAsUnseen,
    /// A TRUNCATE takes rows that the head had made of the branch's own changes, unseen by the branch.
    DecisionsCountAsSeen,
    /// The earlier of two commits is taken for the later one.
    TimesSwapped,
    /// A sum forgets what the branch had seen.
    SumWithoutBase,
    /// The head treats every change as having seen its row.
    ConflictsUnseen,
    /// A TRUNCATE takes every row of the head, and records nothing.
    TruncateTakesUnseen,
    /// The head applies a redelivered tick again.
    HeadAppliesAgain,
    /// A branch applies a redelivered tick again.
    BranchAppliesAgain,
    /// A lost value is not written to the ledger.
    LedgerForgets,
}

pub(crate) const ALL: [Broken; 22] = [
    Broken::PendingOverwritten,
    Broken::OldKeyNotPending,
    Broken::TruncateNotPending,
    Broken::TruncateTakesPending,
    Broken::MergedIgnored,
    Broken::NeverAcknowledged,
    Broken::MergedNotSaid,
    Broken::LaterLinesNotMerged,
    Broken::MergedOnlyWritten,
    Broken::MergedWithoutOldKey,
    Broken::AcknowledgedPastLeftOut,
    Broken::MergedWroteAll,
    Broken::WriterOfRow,
    Broken::OwnCountsAsUnseen,
    Broken::DecisionsCountAsSeen,
    Broken::TimesSwapped,
    Broken::SumWithoutBase,
    Broken::ConflictsUnseen,
    Broken::TruncateTakesUnseen,
    Broken::HeadAppliesAgain,
    Broken::BranchAppliesAgain,
    Broken::LedgerForgets,
];
