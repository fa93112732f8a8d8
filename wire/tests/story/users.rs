//! What users do, by chance.

use super::chance::Chance;
use super::table::{FOLLOWED, KEY, NUMBER, Op, SMALL, Table};

const KEYS: i64 = 6;

/// How likely which change is: insert, update, delete, change of a key, TRUNCATE.
const HABITS: [[usize; 5]; 5] = [
    [0, 1, 0, 0, 0],
    [30, 50, 20, 0, 0],
    [25, 45, 15, 12, 3],
    [20, 25, 5, 50, 0],
    [40, 35, 10, 0, 15],
];

/// The rows that every office begins with.
pub(crate) fn first_rows() -> Table {
    (1..=KEYS - 2)
        .map(|key| {
            (
                key,
                [
                    Some(key),
                    Some(-2 * key),
                    Some(-2 * key - 1),
                    Some(0),
                    Some(10),
                ],
            )
        })
        .collect()
}

/// The users of all offices.
pub(crate) struct Users {
    habit: [usize; 5],
    next_value: i64,
}

impl Users {
    pub(crate) fn new(chance: &mut Chance) -> Self {
        Self {
            habit: chance.pick(&HABITS),
            next_value: 100,
        }
    }

    /// How many changes the next transaction tries to make.
    pub(crate) fn size(chance: &mut Chance) -> usize {
        1 + chance.weighted(&[5, 3, 1, 1])
    }

    /// A change that these rows allow, or None.
    pub(crate) fn change(&mut self, chance: &mut Chance, rows: &Table) -> Option<Op> {
        let free: Vec<i64> = (1..=KEYS).filter(|key| !rows.contains_key(key)).collect();
        let kind = chance.weighted(&self.habit);
        if kind == 4 {
            return Some(Op::Truncate);
        }
        if kind == 0 {
            let key = *free.get(chance.below(free.len().max(1)))?;
            let small = small(chance);
            let row = [
                Some(key),
                self.fresh(),
                self.fresh(),
                small,
                Some(chance.below(8) as i64),
            ];
            return Some(Op::Insert(row));
        }
        let row = *rows.values().nth(chance.below(rows.len().max(1)))?;
        if kind == 2 {
            return Some(Op::Delete(row));
        }
        let mut new = row;
        if kind == 3 {
            new[KEY] = Some(*free.get(chance.below(free.len().max(1)))?);
        }
        for column in FOLLOWED {
            if chance.percent(35) {
                new[column] = self.fresh();
            }
        }
        if chance.percent(30) {
            new[SMALL] = small(chance);
        }
        if chance.percent(40) {
            new[NUMBER] = new[NUMBER].map(|number| number + chance.below(7) as i64 - 3);
        }
        Some(Op::Update(row, new))
    }

    fn fresh(&mut self) -> Option<i64> {
        self.next_value += 1;
        Some(self.next_value)
    }
}

fn small(chance: &mut Chance) -> Option<i64> {
    Some(chance.below(3) as i64).filter(|&value| value > 0)
}
