//! The head decides on a branch's change, once.

use crate::audit::Audit;
use crate::broken::Broken;
use crate::head::Head;
use crate::log::{Author, Sent, Stood};
use crate::story::table::{Op, Row, differing, key_of};
use crate::table::{Numbers, Texts};
use crate::unseen::authored;
use officesync_wire::merge::{Change, Conflict, Head as Ours, Standing, Unseen, merge, truncate};

/// What comes with a change.
#[derive(Clone, Copy)]
pub(crate) struct Arrived {
    pub(crate) author: Author,
    /// What its office had acknowledged of the head's log.
    pub(crate) acknowledged: u64,
}

/// How the keys of a change stand after it, each with whether the head's row changed; and whether that is
/// otherwise than the branch had sent.
type Decided = (Vec<(Stood, bool)>, bool);

impl Head {
    pub(crate) fn change(
        &mut self,
        sent: &Sent,
        arrived: Arrived,
        audit: &mut Audit,
    ) -> Result<Decided, String> {
        let (old_key, new_key, sent_row) = match sent.op {
            Op::Truncate => return self.truncate(sent, arrived, audit),
            Op::Insert(row) => (key_of(&row), key_of(&row), Some(row)),
            Op::Update(old, new) => (key_of(&old), key_of(&new), Some(new)),
            Op::Delete(row) => (key_of(&row), key_of(&row), None),
        };
        let branch = arrived.author.0;
        let unseen = self.found(old_key, branch, arrived.acknowledged);
        let ours = self.rows.get(&old_key).copied();
        if ours.is_some() || matches!(sent.op, Op::Update(..)) {
            let truth = self.truth(old_key, branch, sent.seen(old_key));
            truth.check(&unseen, ours.is_some())?;
        }
        let taken = new_key != old_key && self.rows.contains_key(&new_key);
        let (mut after, mut conflict) =
            self.merged(sent.op, arrived.author, ours, taken, &unseen)?;
        if self.is(Broken::ConflictsUnseen) {
            (after, conflict) = (Some(sent_row), None);
        }
        let mut written = self.write(&[old_key, new_key], after);
        let differs = after != Some(sent_row);
        if differs && self.is(Broken::MergedWithoutOldKey) && old_key != new_key {
            written.remove(0);
        }
        if let Some(conflict) = conflict {
            let with = if taken { new_key } else { old_key };
            let truth = self.truth(with, branch, sent.seen(with));
            let follows = [old_key, new_key]
                .iter()
                .any(|&key| self.follows(branch, key, sent));
            if truth.is_empty() && !follows {
                return Err(format!(
                    "{} of a change that had seen the head's row",
                    conflict.kind
                ));
            }
            audit.decided(&conflict, old_key, ours, sent.op, &truth, arrived.author)?;
        } else if ours.is_none()
            && matches!(sent.op, Op::Update(..))
            && self.rows.contains_key(&new_key)
        {
            return Err("a deleted row came back and nothing says so".into());
        }
        for key in [old_key, new_key] {
            self.at_hand.insert(key, differs);
        }
        if differs {
            self.remember(branch, &[old_key, new_key]);
        }
        Ok((written, differs))
    }

    /// The head decided otherwise than the branch has it, which does not know yet.
    fn remember(&mut self, branch: usize, keys: &[i64]) {
        let position = self.ticks.len() as u64 + 1;
        self.decided
            .extend(keys.iter().map(|&key| ((branch, key), position)));
    }

    /// Whether the branch made the change before it knew of an earlier decision about its own change.
    fn follows(&self, branch: usize, key: i64, sent: &Sent) -> bool {
        let decided = self.decided.get(&(branch, key));
        decided.is_some_and(|&position| position > sent.seen(key))
    }

    /// What the merge makes of a change: the row or no row; None leaves the head as it is.
    fn merged(
        &self,
        op: Op,
        author: Author,
        ours: Option<Row>,
        taken: bool,
        unseen: &Unseen<'_>,
    ) -> Result<(Option<Option<Row>>, Option<Conflict>), String> {
        let (old, new, sent) = match op {
            Op::Insert(row) => (row, row, Some(row)),
            Op::Update(old, new) => (old, new, Some(new)),
            Op::Delete(row) => (row, row, None),
            Op::Truncate => return Ok((None, None)),
        };
        let changed = differing(&old, &new);
        let (old, new) = (Texts::of(&old), Texts::of(&new));
        let (old, new) = (old.refs(), new.refs());
        let before: Vec<_> = changed.iter().map(|&at| old[at]).collect();
        let change = match op {
            Op::Insert(_) => Change::Insert { new: &new },
            Op::Update(..) => Change::Update {
                new: &new,
                old: &before,
                changed: &changed,
            },
            _ => Change::Delete { old: &old },
        };
        let ours = ours.as_ref().map(Texts::of);
        let ours = ours.as_ref().map(Texts::refs);
        let head = Ours {
            row: ours.as_ref().map(|row| &row[..]),
            taken,
            unseen,
        };
        let values = Numbers {
            sum_without_base: self.is(Broken::SumWithoutBase),
        };
        let outcome = merge(change, authored(author), head, &self.rules.rules(), &values)
            .map_err(|error| error.to_string())?;
        let after = match outcome.standing {
            Standing::AsSent => Some(sent),
            Standing::Ours => None,
            Standing::Row(row) => {
                let mut values = row.iter().map(|value| value.as_deref()?.parse().ok());
                Some(Some(std::array::from_fn(|_| values.next().flatten())))
            }
        };
        Ok((after, outcome.conflict))
    }

    /// A TRUNCATE: each row that others changed, unseen by the branch, is decided on by itself.
    fn truncate(
        &mut self,
        sent: &Sent,
        arrived: Arrived,
        audit: &mut Audit,
    ) -> Result<Decided, String> {
        let branch = arrived.author.0;
        let mut written = Vec::new();
        let mut survivors = 0;
        let rows: Vec<_> = self.rows.iter().map(|(&key, &row)| (key, row)).collect();
        for &(key, row) in &rows {
            let unseen = self.found(key, branch, arrived.acknowledged);
            let truth = self.truth(key, branch, sent.seen(key));
            truth.check(&unseen, true)?;
            let texts = Texts::of(&row);
            let mut outcome = truncate(
                &texts.refs(),
                authored(arrived.author),
                &unseen,
                self.rules.delete,
            );
            if self.is(Broken::TruncateTakesUnseen) {
                outcome.standing = Standing::AsSent;
                outcome.conflict = None;
            }
            if let Some(conflict) = &outcome.conflict {
                audit.decided(conflict, key, Some(row), sent.op, &truth, arrived.author)?;
            }
            if outcome.merged() {
                survivors += 1;
                self.remember(branch, &[key]);
            }
            written.extend(self.write(&[key], (!outcome.merged()).then_some(None)));
        }
        if survivors > 0 {
            return Ok((written, true));
        }
        let altered = !rows.is_empty();
        let removed = rows.into_iter().map(|(key, _)| key).collect();
        Ok((vec![(Stood::Truncate { removed }, altered)], false))
    }
}
