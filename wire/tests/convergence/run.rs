//! One run by seed: what the users do, when messages arrive, what the clocks say.

use crate::audit::Audit;
use crate::broken::Broken;
use crate::chance::Chance;
use crate::head::TableRules;
use crate::log::{Office, Op};
use crate::table::{FOLLOWED, KEY, NUMBER, SMALL, Table, WIDTH};
use crate::world::World;
use officesync_wire::merge::{DeletePolicy, Granularity, Policy, RowPolicy};

const KEYS: i64 = 6;

/// How likely which change is: insert, update, delete, change of a key, TRUNCATE.
const HABITS: [[usize; 5]; 5] = [
    [0, 1, 0, 0, 0],
    [30, 50, 20, 0, 0],
    [25, 45, 15, 12, 3],
    [20, 25, 5, 50, 0],
    [40, 35, 10, 0, 15],
];

struct Run {
    chance: Chance,
    world: World,
    habit: [usize; 5],
    offsets: Vec<i64>,
    up: Vec<bool>,
    now: i64,
    next_value: i64,
}

fn rules(chance: &mut Chance) -> TableRules {
    let any = [
        Policy::LastUpdateWins,
        Policy::LastUpdateWins,
        Policy::LastUpdateWins,
        Policy::HeadWins,
        Policy::BranchWins,
        Policy::Max,
        Policy::Min,
        Policy::Park,
    ];
    let mut columns = [Policy::LastUpdateWins; WIDTH];
    for column in [FOLLOWED[0], FOLLOWED[1], SMALL] {
        columns[column] = chance.pick(&any);
    }
    columns[NUMBER] = chance.pick(&[
        Policy::Sum,
        Policy::Sum,
        Policy::Union,
        Policy::Max,
        Policy::LastUpdateWins,
    ]);
    let rows = [
        RowPolicy::LastUpdateWins,
        RowPolicy::HeadWins,
        RowPolicy::BranchWins,
        RowPolicy::Park,
    ];
    TableRules {
        columns,
        granularity: if chance.percent(70) {
            Granularity::Columns
        } else {
            Granularity::Rows(chance.pick(&rows))
        },
        delete: chance.pick(&[
            DeletePolicy::LaterWins,
            DeletePolicy::LaterWins,
            DeletePolicy::UpdateWins,
            DeletePolicy::DeleteWins,
            DeletePolicy::Park,
        ]),
    }
}

impl Run {
    fn new(seed: u64, broken: Option<Broken>, traced: bool) -> (Self, bool) {
        let mut chance = Chance::new(seed);
        let rules = rules(&mut chance);
        let sums = rules.columns[NUMBER] == Policy::Sum;
        let branches = 2 + chance.below(3);
        let rows: Table = (1..=KEYS - 2)
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
            .collect();
        let mut world = World::new(&rows, branches, rules.clone(), broken).traced(traced);
        world.note(|_| format!("{branches} branches, {rules:?}"));
        let wrong = chance.pick(&[0, 5, 1000]);
        let offsets = (0..=branches)
            .map(|_| chance.below(2 * wrong + 1) as i64 - wrong as i64)
            .collect();
        let run = Self {
            habit: chance.pick(&HABITS),
            up: vec![true; branches],
            now: 0,
            next_value: 100,
            chance,
            world,
            offsets,
        };
        (run, sums)
    }

    fn step(&mut self, busy: usize) -> Result<(), String> {
        self.now += self.chance.below(3) as i64;
        let branch = 1 + self.chance.below(self.up.len());
        let link = self.up[branch - 1];
        match self.chance.weighted(&[busy, 12, 18, 25, 3, 2, 3, 1, 4]) {
            0 => self.commit(),
            1 => self.world.tick(branch),
            2 if link => {
                self.world.deliver_up(branch)?;
            }
            3 if link => {
                for _ in 0..=self.chance.below(3) {
                    self.world.deliver_down(branch);
                }
            }
            4 => self.world.position(branch, self.chance.percent(50)),
            5 => {
                let which = self.chance.below(100);
                self.world.redeliver_up(branch, which)?;
            }
            6 => {
                let known = self.world.delivered_down(branch) as usize;
                if known > 0 {
                    let position = 1 + self.chance.below(known) as u64;
                    self.world.redeliver_down(branch, position);
                }
            }
            7 => {
                let office = self.chance.below(self.offsets.len());
                self.offsets[office] += self.chance.below(41) as i64 - 20;
            }
            8 => self.up[branch - 1] = !link,
            _ => {}
        }
        Ok(())
    }

    fn commit(&mut self) {
        let office: Office = self.chance.below(self.up.len() + 1);
        let time = self.now + self.offsets[office];
        let mut left = 1 + self.chance.weighted(&[5, 3, 1, 1]);
        let Self {
            chance,
            world,
            habit,
            next_value,
            ..
        } = self;
        world.commit(office, time, |rows| {
            while left > 0 {
                left -= 1;
                if let Some(op) = change(chance, habit, next_value, rows) {
                    return Some(op);
                }
            }
            None
        });
    }
}

/// A change that these rows allow, or None.
fn change(chance: &mut Chance, habit: &[usize; 5], value: &mut i64, rows: &Table) -> Option<Op> {
    let free: Vec<i64> = (1..=KEYS).filter(|key| !rows.contains_key(key)).collect();
    let kind = chance.weighted(habit);
    if kind == 4 {
        return Some(Op::Truncate);
    }
    if kind == 0 {
        let key = *free.get(chance.below(free.len().max(1)))?;
        let small = small(chance);
        let row = [
            Some(key),
            fresh(value),
            fresh(value),
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
            new[column] = fresh(value);
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

fn fresh(value: &mut i64) -> Option<i64> {
    *value += 1;
    Some(*value)
}

fn small(chance: &mut Chance) -> Option<i64> {
    Some(chance.below(3) as i64).filter(|&value| value > 0)
}

/// Runs a seed to its end and checks it. The error is what is wrong.
pub(crate) fn run(seed: u64, broken: Option<Broken>) -> Result<Audit, String> {
    steps(seed, broken, usize::MAX, false)
}

/// The shortest beginning of a failing seed that fails by itself, as a trace; "" if none fails.
pub(crate) fn explain(seed: u64, broken: Option<Broken>) -> String {
    let failing = (0..200).find(|&most| steps(seed, broken, most, false).is_err());
    failing
        .and_then(|most| steps(seed, broken, most, true).err())
        .unwrap_or_default()
}

fn steps(seed: u64, broken: Option<Broken>, most: usize, traced: bool) -> Result<Audit, String> {
    let (mut run, sums) = Run::new(seed, broken, traced);
    let steps = 40 + run.chance.below(120);
    let busy = run.chance.pick(&[15, 30, 60]);
    let taken = (0..steps.min(most)).try_for_each(|_| run.step(busy));
    let result = taken
        .and_then(|()| run.world.drain())
        .and_then(|()| run.world.check(sums));
    result.map_err(|wrong| format!("seed {seed}: {wrong}\n{}", run.world.trace()))?;
    Ok(run.world.audit)
}
