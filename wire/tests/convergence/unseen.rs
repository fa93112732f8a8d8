//! What the head's log says that others did to a key: by the rules, and as it really was.

use crate::broken::Broken;
use crate::log::{Author, Line, NAMES, Office, Stood};
use crate::story::table::WIDTH;
use officesync_wire::merge::{Authored, Unseen};

pub(crate) fn authored(author: Author) -> Authored<'static> {
    Authored {
        office: NAMES[author.0],
        commit_time: author.1,
    }
}

/// What is looked for in the log.
#[derive(Clone, Copy)]
pub(crate) struct Search {
    pub(crate) key: i64,
    /// The branch that had not seen it.
    pub(crate) branch: Office,
    /// The position of the log to start after.
    pub(crate) after: u64,
}

/// As the head finds it: a TRUNCATE counts for every key, because its log does not say which rows there were.
pub(crate) fn found(
    ticks: &[Vec<Line>],
    search: Search,
    broken: Option<Broken>,
) -> Unseen<'static> {
    walk(ticks, search, broken, |_| true)
}

/// What was really unseen, for the checks.
pub(crate) struct Truth {
    /// Without the TRUNCATEs that found no row under the key.
    exact: Unseen<'static>,
    as_logged: Unseen<'static>,
}

impl Truth {
    pub(crate) fn of(ticks: &[Vec<Line>], search: Search) -> Self {
        Self {
            exact: walk(ticks, search, None, |removed| removed.contains(&search.key)),
            as_logged: walk(ticks, search, None, |_| true),
        }
    }

    /// Whether the branch had seen all that others did.
    pub(crate) fn is_empty(&self) -> bool {
        self.exact.is_empty()
    }

    pub(crate) fn deletion(&self) -> bool {
        self.exact.deletion().is_some()
    }

    /// Who wrote the column, where that is beyond doubt.
    pub(crate) fn column(&self, column: usize) -> Option<Authored<'static>> {
        let writer = self.exact.column(column);
        writer.filter(|_| writer == self.as_logged.column(column))
    }

    /// Whether the head finds what it needs to decide: who wrote the columns of the row it has, or who deleted
    /// the one it has not. It may find more: what the branch had seen after all.
    pub(crate) fn check(&self, found: &Unseen<'_>, row: bool) -> Result<(), String> {
        let (exact, logged) = (&self.exact, &self.as_logged);
        let right = if row {
            (0..WIDTH).all(|at| exact.column(at).is_none() || logged.column(at) == found.column(at))
        } else {
            exact.deletion().is_none() || logged.deletion() == found.deletion()
        };
        if right {
            return Ok(());
        }
        Err(format!("unseen was {exact:?}, the head finds {found:?}"))
    }
}

fn walk(
    ticks: &[Vec<Line>],
    search: Search,
    broken: Option<Broken>,
    truncates: impl Fn(&[i64]) -> bool,
) -> Unseen<'static> {
    const ALL: [usize; WIDTH] = [0, 1, 2, 3, 4];
    let mut unseen = Unseen::new(WIDTH);
    for line in ticks.iter().skip(search.after as usize).flatten() {
        if line.author.0 == search.branch && broken != Some(Broken::OwnCountsAsUnseen) {
            let touched =
                |change: &Stood| matches!(change, Stood::Put { key, .. } if *key == search.key);
            if line.changes.iter().any(touched) && broken != Some(Broken::DecisionsCountAsSeen) {
                unseen.own(line.merged);
            }
            continue;
        }
        let mut by = authored(line.author);
        if broken == Some(Broken::TimesSwapped) {
            by.commit_time = -by.commit_time;
        }
        for change in &line.changes {
            match change {
                Stood::Put { key, changed, .. } if *key == search.key => match changed {
                    None => unseen.inserted(by),
                    Some(changed) => {
                        let all = broken == Some(Broken::MergedWroteAll) && line.merged
                            || broken == Some(Broken::WriterOfRow) && !changed.is_empty();
                        unseen.updated(if all { &ALL } else { changed }, by);
                    }
                },
                Stood::Gone { key, removed: true } if *key == search.key => unseen.deleted(by),
                Stood::Truncate { removed } if truncates(removed) => unseen.deleted(by),
                _ => {}
            }
        }
    }
    unseen
}
