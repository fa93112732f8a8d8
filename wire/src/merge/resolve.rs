//! A change meets the head's row: which rule applies, and what follows.

use super::authored::{Authored, Unseen};
use super::change::{Change, Head, Mismatch, Row, base, width};
use super::columns::Rows;
use super::kind::Kind;
use super::outcome::{Conflict, Outcome, Standing, Winner};
use super::rules::{DeletePolicy, Rules};
use super::values::Values;

/// Decides what stands at the head after the branch's `change`, made by `theirs`.
///
/// * Where the head's row is what the branch saw, the change stands as sent, however wrong the clocks are.
/// * A column that one side changed takes that side's value; no conflict.
/// * A column that both sides changed goes by its policy; a row that one side deleted by the delete policy.
/// * A row that was moved to a key that is taken is parked.
///
/// # Errors
/// [`Mismatch`] where rows, policies and changed columns do not fit one another.
pub fn merge<'a, V: Values>(
    change: Change<'a>,
    theirs: Authored<'a>,
    head: Head<'a>,
    rules: &Rules<'_>,
    values: &V,
) -> Result<Outcome<'a>, Mismatch> {
    if let Some(ours) = head.row {
        width(rules.columns.len(), ours)?;
    }
    match change {
        Change::Insert { new } => {
            width(rules.columns.len(), new)?;
            Ok(match head.row {
                None => as_sent(true),
                Some(ours) => {
                    let rows = Rows {
                        base: None,
                        ours,
                        theirs: new,
                        unseen: head.unseen,
                        by: theirs,
                    };
                    rows.outcome(Kind::InsertExists, rules, values)
                }
            })
        }
        Change::Update { new, old, changed } => {
            width(rules.columns.len(), new)?;
            let base = base(new, old, changed)?;
            Ok(if head.taken {
                parked(Kind::MultipleUniqueConflicts)
            } else if let Some(ours) = head.row {
                let rows = Rows {
                    base: Some(&base),
                    ours,
                    theirs: new,
                    unseen: head.unseen,
                    by: theirs,
                };
                rows.outcome(Kind::UpdateOriginDiffers, rules, values)
            } else {
                update_of_missing(theirs, head.unseen, rules.delete)
            })
        }
        Change::Delete { old } => {
            width(rules.columns.len(), old)?;
            Ok(match head.row {
                None => Outcome {
                    conflict: Some(Conflict::whole(Kind::DeleteMissing, Winner::Both)),
                    ..as_sent(false)
                },
                Some(ours) => delete(Some(old), ours, theirs, head.unseen, rules.delete),
            })
        }
    }
}

/// Decides what a branch's TRUNCATE does to one row of the head. Ask it for each of them: a row that others
/// changed, unseen by the branch (`unseen` is not empty), may survive. A truncation that any row survives is
/// no truncation any more, but a deletion of the other rows: pass it on as that, merged.
pub fn truncate<'a>(
    ours: &Row<'a>,
    theirs: Authored<'a>,
    unseen: &Unseen<'a>,
    policy: DeletePolicy,
) -> Outcome<'a> {
    if unseen.is_empty() {
        as_sent(true)
    } else {
        delete(None, ours, theirs, unseen, policy)
    }
}

const fn as_sent<'a>(writes: bool) -> Outcome<'a> {
    Outcome {
        standing: Standing::AsSent,
        writes,
        conflict: None,
    }
}

fn parked<'a>(kind: Kind) -> Outcome<'a> {
    Outcome {
        standing: Standing::Ours,
        writes: false,
        conflict: Some(Conflict::whole(kind, Winner::Parked)),
    }
}

fn update_of_missing<'a>(
    theirs: Authored<'a>,
    unseen: &Unseen<'a>,
    policy: DeletePolicy,
) -> Outcome<'a> {
    let (kind, theirs_later) = match unseen.deletion() {
        None => (Kind::UpdateMissing, true),
        Some(deletion) => (Kind::UpdateDeleted, theirs.later_than(&deletion)),
    };
    let update_wins = match policy {
        DeletePolicy::LaterWins => theirs_later,
        DeletePolicy::UpdateWins => true,
        DeletePolicy::DeleteWins => false,
        DeletePolicy::Park => return parked(kind),
    };
    against_deletion(kind, update_wins)
}

/// The head's row, which is not the one the branch saw, against the branch's deletion. Without a base every
/// column counts as written by others.
fn delete<'a>(
    base: Option<&Row<'a>>,
    ours: &Row<'a>,
    theirs: Authored<'a>,
    unseen: &Unseen<'a>,
    policy: DeletePolicy,
) -> Outcome<'a> {
    if base == Some(ours) {
        return as_sent(true);
    }
    let kind = Kind::DeleteOriginDiffers;
    let delete_wins = match policy {
        DeletePolicy::LaterWins => {
            let changed =
                (0..ours.len()).filter(|&at| base.is_none_or(|base| base[at] != ours[at]));
            unseen
                .latest(changed)
                .is_none_or(|ours| theirs.later_than(&ours))
        }
        DeletePolicy::UpdateWins => false,
        DeletePolicy::DeleteWins => true,
        DeletePolicy::Park => return parked(kind),
    };
    against_deletion(kind, delete_wins)
}

fn against_deletion<'a>(kind: Kind, theirs_win: bool) -> Outcome<'a> {
    let (standing, winner) = if theirs_win {
        (Standing::AsSent, Winner::Theirs)
    } else {
        (Standing::Ours, Winner::Ours)
    };
    Outcome {
        standing,
        writes: theirs_win,
        conflict: Some(Conflict::whole(kind, winner)),
    }
}

impl<'a> Rows<'a, '_> {
    fn outcome<V: Values>(&self, kind: Kind, rules: &Rules<'_>, values: &V) -> Outcome<'a> {
        if self.base == Some(self.ours) {
            return as_sent(self.ours != self.theirs);
        }
        let merged = self.merge(rules, values);
        let standing = if merged.whole == Some(Winner::Parked) {
            Standing::Ours
        } else if same(&merged.row, self.theirs) {
            Standing::AsSent
        } else if same(&merged.row, self.ours) {
            Standing::Ours
        } else {
            Standing::Row(merged.row)
        };
        let conflict = !merged.columns.is_empty();
        Outcome {
            writes: standing != Standing::Ours && self.ours != self.theirs
                || matches!(standing, Standing::Row(_)),
            standing,
            conflict: conflict.then_some(Conflict {
                kind,
                columns: merged.columns,
                whole: merged.whole,
            }),
        }
    }
}

fn same(row: &[Option<std::borrow::Cow<'_, str>>], other: &Row<'_>) -> bool {
    row.iter().map(Option::as_deref).eq(other.iter().copied())
}
