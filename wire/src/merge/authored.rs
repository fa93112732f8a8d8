//! Who wrote a version of a row, and when. Which of two versions is the later one is decided here only.

/// The office that wrote a version (or deleted the row), and when its user committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Authored<'a> {
    /// The name of the office.
    pub office: &'a str,
    /// The commit time by that office's own clock: microseconds since 2000-01-01 UTC.
    pub commit_time: i64,
}

impl Authored<'_> {
    /// Whether this version counts as later. Of equal commit times the one of the office whose name is
    /// smaller, byte by byte, does, so that the answer is the same whichever side is asked.
    pub fn later_than(&self, other: &Authored<'_>) -> bool {
        (self.commit_time, other.office) > (other.commit_time, self.office)
    }
}

/// What the head's log says was done to one key by others, unseen by the branch whose change arrives.
///
/// Fed with the log's entries for that key, in their order, from the branch's acknowledged position on; the
/// branch's own do not count as written by anyone ([`Self::own`]). By column, because the last one to touch a row need not be the one who wrote
/// the column in conflict. Entries that the branch had seen do no harm: what they wrote is in its base.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unseen<'a> {
    columns: Vec<Option<Authored<'a>>>,
    deleted: Option<Authored<'a>>,
    decided: bool,
}

impl<'a> Unseen<'a> {
    /// Nothing is known yet of a row of `width` columns.
    pub fn new(width: usize) -> Self {
        Self {
            columns: vec![None; width],
            deleted: None,
            decided: false,
        }
    }

    /// The whole row came into being: an insert, or a row that was moved to this key.
    pub fn inserted(&mut self, by: Authored<'a>) {
        self.columns.fill(Some(by));
        self.deleted = None;
    }

    /// These columns got new values. Indexes past the row's width are ignored.
    pub fn updated(&mut self, changed: &[usize], by: Authored<'a>) {
        for &column in changed {
            if let Some(writer) = self.columns.get_mut(column) {
                *writer = Some(by);
                self.deleted = None;
            }
        }
    }

    /// The row went: a deletion, a row that was moved away from this key, or a truncation of the table. A
    /// truncation counts also where no row may have been left: its log does not say.
    pub fn deleted(&mut self, by: Authored<'a>) {
        self.columns.fill(None);
        self.deleted = Some(by);
    }

    /// A line of the branch's own wrote the row. If it is `merged`, the head may have made another row of it
    /// than the branch has (also under another key than the one at which others wrote it).
    pub const fn own(&mut self, merged: bool) {
        self.decided = merged;
    }

    /// Who last wrote the column, if anyone unseen did.
    pub fn column(&self, column: usize) -> Option<Authored<'a>> {
        self.columns.get(column).copied().flatten()
    }

    /// Who deleted the row, if it is deleted and that was unseen.
    pub const fn deletion(&self) -> Option<Authored<'a>> {
        self.deleted
    }

    /// The latest of the last writers of these columns.
    pub(super) fn latest(&self, columns: impl IntoIterator<Item = usize>) -> Option<Authored<'a>> {
        columns
            .into_iter()
            .filter_map(|column| self.column(column))
            .reduce(|a, b| if b.later_than(&a) { b } else { a })
    }

    /// Whether the row is as the branch knows it: no one else touched it, and the head decided nothing.
    pub fn is_empty(&self) -> bool {
        !self.decided && self.deleted.is_none() && self.columns.iter().all(Option::is_none)
    }
}
