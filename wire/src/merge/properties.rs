//! What holds for every merge, whatever the rows, the rules and the clocks are.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::cmp::Ordering;
use std::ops::Range;

/// Texts that are whole numbers; a union of two is their common bits.
struct Whole;

fn number(text: &str) -> Result<i128, NotPossible> {
    text.parse().map_err(|_| NotPossible)
}

impl Values for Whole {
    fn sum(
        &self,
        _: usize,
        ours: &str,
        theirs: &str,
        base: Option<&str>,
    ) -> Result<String, NotPossible> {
        let base = base.map_or(Ok(0), number)?;
        Ok((number(ours)? + number(theirs)? - base).to_string())
    }

    fn compare(&self, _: usize, a: &str, b: &str) -> Result<Ordering, NotPossible> {
        Ok(number(a)?.cmp(&number(b)?))
    }

    fn union(
        &self,
        _: usize,
        ours: &str,
        theirs: &str,
        _: Option<&str>,
    ) -> Result<String, NotPossible> {
        Ok((number(ours)? | number(theirs)?).to_string())
    }
}

const POLICIES: [Policy; 8] = [
    Policy::LastUpdateWins,
    Policy::HeadWins,
    Policy::BranchWins,
    Policy::Sum,
    Policy::Max,
    Policy::Min,
    Policy::Union,
    Policy::Park,
];
const TEXTS: [Option<&str>; 6] = [None, Some("0"), Some("1"), Some("2"), Some("70"), Some("x")];
const THEIRS: Authored<'_> = Authored {
    office: "ant",
    commit_time: 10,
};

type Values3 = Vec<Option<&'static str>>;

/// What may meet: three rows, rules for their columns, and who wrote what.
#[derive(Debug, Clone)]
struct Meeting {
    base: Values3,
    ours: Values3,
    theirs: Values3,
    columns: Vec<Policy>,
    granularity: Granularity,
    delete: DeletePolicy,
    /// By column: who wrote ours, if it is known.
    writers: Vec<Option<Authored<'static>>>,
    deletion: Option<Authored<'static>>,
}

fn author() -> impl Strategy<Value = Authored<'static>> {
    (select(vec!["bee", "Zoo", "head"]), 8_i64..13).prop_map(|(office, commit_time)| Authored {
        office,
        commit_time,
    })
}

fn meeting_of(width: Range<usize>, policies: &'static [Policy]) -> impl Strategy<Value = Meeting> {
    let granularity = select(vec![
        Granularity::Columns,
        Granularity::Rows(RowPolicy::LastUpdateWins),
        Granularity::Rows(RowPolicy::HeadWins),
        Granularity::Rows(RowPolicy::BranchWins),
        Granularity::Rows(RowPolicy::Park),
    ]);
    let delete = select(vec![
        DeletePolicy::LaterWins,
        DeletePolicy::UpdateWins,
        DeletePolicy::DeleteWins,
        DeletePolicy::Park,
    ]);
    let column = (
        select(&TEXTS[..]),
        select(&TEXTS[..]),
        select(&TEXTS[..]),
        select(policies),
        proptest::option::of(author()),
    );
    (
        vec(column, width),
        granularity,
        delete,
        proptest::option::of(author()),
    )
        .prop_map(|(columns, granularity, delete, deletion)| Meeting {
            base: columns.iter().map(|column| column.0).collect(),
            ours: columns.iter().map(|column| column.1).collect(),
            theirs: columns.iter().map(|column| column.2).collect(),
            writers: columns.iter().map(|column| column.4).collect(),
            columns: columns.iter().map(|column| column.3).collect(),
            granularity,
            delete,
            deletion,
        })
}

fn meeting() -> impl Strategy<Value = Meeting> {
    meeting_of(1..7, &POLICIES)
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Made {
    Insert,
    Update,
    Delete,
}

fn made() -> impl Strategy<Value = Made> {
    select(vec![Made::Insert, Made::Update, Made::Delete])
}

/// An outcome, and the row that it makes of the head's; None is no row.
type Met = (Option<Vec<Option<String>>>, bool, bool, Option<Conflict>);

impl Meeting {
    fn meet(&self, made: Made, row: bool, taken: bool, by: Authored<'_>) -> Met {
        let changed: Vec<usize> = (0..self.base.len())
            .filter(|&at| self.base[at] != self.theirs[at])
            .collect();
        let old: Values3 = changed.iter().map(|&at| self.base[at]).collect();
        let mut unseen = Unseen::new(self.base.len());
        if let Some(deletion) = self.deletion.filter(|_| !row) {
            unseen.deleted(deletion);
        }
        for (column, writer) in self.writers.iter().enumerate().filter(|_| row) {
            if let Some(writer) = writer {
                unseen.updated(&[column], *writer);
            }
        }
        let change = match made {
            Made::Insert => Change::Insert { new: &self.theirs },
            Made::Update => Change::Update {
                new: &self.theirs,
                old: &old,
                changed: &changed,
            },
            Made::Delete => Change::Delete { old: &self.base },
        };
        let head = Head {
            row: row.then_some(&self.ours[..]),
            taken,
            unseen: &unseen,
        };
        let rules = Rules {
            columns: &self.columns,
            granularity: self.granularity,
            delete: self.delete,
        };
        let outcome = merge(change, by, head, &rules, &Whole).unwrap();
        let owned = |row: &Row<'_>| row.iter().map(|value| value.map(str::to_owned)).collect();
        let (merged, writes) = (outcome.merged(), outcome.writes);
        let stands = match outcome.standing {
            Standing::AsSent => (made != Made::Delete).then(|| owned(&self.theirs)),
            Standing::Ours => row.then(|| owned(&self.ours)),
            Standing::Row(row) => Some(
                row.iter()
                    .map(|value| value.as_deref().map(str::to_owned))
                    .collect(),
            ),
        };
        (stands, merged, writes, outcome.conflict)
    }

    fn permuted(&self, order: &[usize]) -> Self {
        fn by<T: Copy>(order: &[usize], from: &[T]) -> Vec<T> {
            order.iter().map(|&at| from[at]).collect()
        }
        Self {
            base: by(order, &self.base),
            ours: by(order, &self.ours),
            theirs: by(order, &self.theirs),
            columns: by(order, &self.columns),
            writers: by(order, &self.writers),
            ..self.clone()
        }
    }
}

fn texts(row: &Row<'_>) -> Option<Vec<Option<String>>> {
    Some(row.iter().map(|value| value.map(str::to_owned)).collect())
}

proptest! {
    /// Whoever has seen the head's row is not in conflict with it, whatever the clocks say.
    #[test]
    fn a_change_of_the_row_that_stands_is_applied_as_sent(mut meeting in meeting(), delete: bool) {
        meeting.ours = meeting.base.clone();
        let made = if delete { Made::Delete } else { Made::Update };
        let (stands, merged, writes, conflict) = meeting.meet(made, true, false, THEIRS);
        let sent = if delete { None } else { texts(&meeting.theirs) };
        prop_assert_eq!(writes, sent != texts(&meeting.ours));
        prop_assert_eq!(stands, sent);
        prop_assert!(!merged && conflict.is_none());
    }

    /// `merged` and `writes` say what they mean; a parked change leaves the head's row.
    #[test]
    fn the_outcome_tells_what_stands(meeting in meeting(), made in made(), row: bool, taken: bool) {
        // A row that moves to another key is not the head's row.
        let taken = taken && made == Made::Update && !(row && meeting.ours == meeting.theirs);
        let (stands, merged, writes, conflict) = meeting.meet(made, row, taken, THEIRS);
        let sent = if made == Made::Delete { None } else { texts(&meeting.theirs) };
        let ours = if row { texts(&meeting.ours) } else { None };
        prop_assert_eq!(writes, stands != ours);
        prop_assert_eq!(merged, stands != sent);
        if taken {
            prop_assert_eq!(conflict.as_ref().map(|found| found.kind), Some(Kind::MultipleUniqueConflicts));
        }
        if conflict.is_some_and(|conflict| conflict.parked()) {
            prop_assert!(!writes);
        }
    }

    /// A value of either side that does not stand is in the conflict, unless it is not that side's change.
    /// A parked change is there as a whole.
    #[test]
    fn what_does_not_stand_is_recorded(meeting in meeting(), made in made(), row: bool) {
        let (stands, _, _, conflict) = meeting.meet(made, row, false, THEIRS);
        let named = |at| conflict.as_ref().is_some_and(|conflict| {
            conflict.parked() || conflict.columns.is_empty() || conflict.columns.iter().any(|decided| decided.column == at)
        });
        for at in 0..meeting.base.len() {
            let value = stands.as_ref().map(|row| row[at].as_deref());
            let base = (made != Made::Insert).then_some(meeting.base[at]);
            let sides = [(made != Made::Delete, meeting.theirs[at]), (row, meeting.ours[at])];
            for side in sides.into_iter().filter_map(|(has, side)| has.then_some(side)) {
                prop_assert!(value == Some(side) || base == Some(side) || named(at), "column {}", at);
            }
        }
    }

    /// A value comes from one of the sides, or is made by a policy that makes values.
    #[test]
    fn nothing_is_invented(meeting in meeting(), made in made()) {
        let (stands, ..) = meeting.meet(made, true, false, THEIRS);
        for (at, value) in stands.into_iter().flatten().enumerate() {
            let sides = [meeting.ours[at], meeting.theirs[at]];
            let makes = matches!(meeting.columns[at], Policy::Sum | Policy::Union);
            prop_assert!(makes || sides.contains(&value.as_deref()));
        }
    }

    #[test]
    fn the_order_of_columns_does_not_matter(
        (meeting, order) in meeting().prop_flat_map(|meeting| {
            let order: Vec<usize> = (0..meeting.base.len()).collect();
            (Just(meeting), Just(order).prop_shuffle())
        }),
        made in made(),
    ) {
        let straight = meeting.meet(made, true, false, THEIRS);
        let permuted = meeting.permuted(&order).meet(made, true, false, THEIRS);
        let expected = straight.0.map(|row| order.iter().map(|&at| row[at].clone()).collect::<Vec<_>>());
        prop_assert_eq!(permuted.0, expected);
        prop_assert_eq!((permuted.1, permuted.2), (straight.1, straight.2));
        prop_assert_eq!(permuted.3.and_then(|conflict| conflict.whole), straight.3.and_then(|conflict| conflict.whole));
    }

    /// Whichever of two changes comes first to the head, the later one wins.
    #[test]
    fn last_update_wins_does_not_ask_who_came_first(
        meeting in meeting_of(1..7, &[Policy::LastUpdateWins]),
        by in author(),
        rows: bool,
    ) {
        let granularity = if rows { Granularity::Rows(RowPolicy::LastUpdateWins) } else { Granularity::Columns };
        let writers = |by| vec![Some(by); meeting.base.len()];
        let first = Meeting { granularity, writers: writers(by), ..meeting.clone() };
        let second = Meeting {
            ours: meeting.theirs.clone(),
            theirs: meeting.ours.clone(),
            writers: writers(THEIRS),
            ..first.clone()
        };
        for made in [Made::Update, Made::Insert] {
            let (one, other) = (first.meet(made, true, false, THEIRS), second.meet(made, true, false, by));
            prop_assert_eq!(one.0, other.0);
        }
    }

    #[test]
    fn sums_are_exact(base in -90_i64..90, ours in -90_i64..90, theirs in -90_i64..90, rows: bool) {
        let granularity = if rows { Granularity::Rows(RowPolicy::Park) } else { Granularity::Columns };
        let texts = [base.to_string(), ours.to_string(), theirs.to_string()];
        let rules = Rules { columns: &[Policy::Sum], granularity, delete: DeletePolicy::Park };
        let unseen = Unseen::new(1);
        let (new, old, ours_row) = ([Some(&*texts[2])], [Some(&*texts[0])], [Some(&*texts[1])]);
        let change = Change::Update { new: &new, old: &old, changed: &[0] };
        let head = Head { row: Some(&ours_row), taken: false, unseen: &unseen };
        let outcome = merge(change, THEIRS, head, &rules, &Whole).unwrap();
        let stands = match outcome.standing {
            Standing::AsSent => theirs,
            Standing::Ours => ours,
            Standing::Row(row) => row[0].as_deref().unwrap().parse().unwrap(),
        };
        prop_assert_eq!(stands, ours + theirs - base);
    }

    /// Shapes that do not fit are an error, never a panic.
    #[test]
    fn rows_of_any_shape_are_answered(
        ours in vec(select(&TEXTS[..]), 0..4),
        theirs in vec(select(&TEXTS[..]), 0..4),
        old in vec(select(&TEXTS[..]), 0..4),
        changed in vec(0_usize..5, 0..4),
        columns in vec(select(&POLICIES[..]), 0..4),
        writers in 0_usize..4,
        made in made(),
    ) {
        let unseen = Unseen::new(writers);
        let change = match made {
            Made::Insert => Change::Insert { new: &theirs },
            Made::Update => Change::Update { new: &theirs, old: &old, changed: &changed },
            Made::Delete => Change::Delete { old: &old },
        };
        let head = Head { row: Some(&ours), taken: false, unseen: &unseen };
        let rules = Rules { columns: &columns, granularity: Granularity::Columns, delete: DeletePolicy::LaterWins };
        let fits = ours.len() == columns.len() && match made {
            Made::Insert => theirs.len() == columns.len(),
            Made::Delete => old.len() == columns.len(),
            Made::Update => theirs.len() == columns.len() && old.len() == changed.len()
                && changed.iter().all(|&at| at < theirs.len()),
        };
        prop_assert_eq!(merge(change, THEIRS, head, &rules, &Whole).is_ok(), fits);
    }

    #[test]
    fn one_of_two_is_later(a in author(), b in author()) {
        prop_assert_eq!(a.later_than(&b), a != b && !b.later_than(&a));
    }
}
