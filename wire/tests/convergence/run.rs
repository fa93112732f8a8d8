//! One run by seed: what the users do, when messages arrive, what the clocks say.

use crate::audit::Audit;
use crate::broken::Broken;
use crate::log::Office;
use crate::story::chance::Chance;
use crate::story::rules::rules;
use crate::story::table::NUMBER;
use crate::story::users::{Users, first_rows};
use crate::world::World;
use officesync_wire::merge::Policy;

struct Run {
    chance: Chance,
    world: World,
    users: Users,
    offsets: Vec<i64>,
    up: Vec<bool>,
    now: i64,
}

impl Run {
    fn new(seed: u64, broken: Option<Broken>, traced: bool) -> (Self, bool) {
        let mut chance = Chance::new(seed);
        let rules = rules(&mut chance);
        let sums = rules.columns[NUMBER] == Policy::Sum;
        let branches = 2 + chance.below(3);
        let rows = first_rows();
        let mut world = World::new(&rows, branches, rules.clone(), broken).traced(traced);
        world.note(|_| format!("{branches} branches, {rules:?}"));
        let wrong = chance.pick(&[0, 5, 1000]);
        let offsets = (0..=branches)
            .map(|_| chance.below(2 * wrong + 1) as i64 - wrong as i64)
            .collect();
        let run = Self {
            users: Users::new(&mut chance),
            up: vec![true; branches],
            now: 0,
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
        let mut left = Users::size(&mut self.chance);
        let Self {
            chance,
            world,
            users,
            ..
        } = self;
        world.commit(office, time, |rows| {
            while left > 0 {
                left -= 1;
                if let Some(op) = users.change(chance, rows) {
                    return Some(op);
                }
            }
            None
        });
    }
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
