//! Offices, links between them that come and go, and time that offices disagree about.

use crate::audit::Audit;
use crate::branch::Branch;
use crate::broken::Broken;
use crate::head::Head;
use crate::log::{NAMES, Office, Tick, Upward};
use crate::story::rules::TableRules;
use crate::story::table::{Op, Table};
use std::collections::VecDeque;

/// A link to a branch.
#[derive(Default)]
struct Link {
    up: VecDeque<Upward>,
    /// The ticks of the branch that were delivered, for redelivery.
    delivered: Vec<Tick>,
    /// The head's last tick that was delivered; what is after it is under way.
    down: u64,
}

pub(crate) struct World {
    pub(crate) head: Head,
    pub(crate) branches: Vec<Branch>,
    pub(crate) audit: Audit,
    links: Vec<Link>,
    trace: Option<Vec<String>>,
}

impl World {
    pub(crate) fn new(
        rows: &Table,
        branches: usize,
        rules: TableRules,
        broken: Option<Broken>,
    ) -> Self {
        Self {
            head: Head::new(rows.clone(), branches, rules, broken),
            branches: (1..=branches)
                .map(|id| Branch::new(id, rows.clone(), broken))
                .collect(),
            audit: Audit::new(rows, broken == Some(Broken::LedgerForgets)),
            links: (0..branches).map(|_| Link::default()).collect(),
            trace: None,
        }
    }

    pub(crate) fn traced(mut self, on: bool) -> Self {
        self.trace = on.then(Vec::new);
        self
    }

    pub(crate) fn trace(&self) -> String {
        self.trace
            .as_ref()
            .map(|lines| lines.join("\n"))
            .unwrap_or_default()
    }

    pub(crate) fn note(&mut self, what: impl FnOnce(&Self) -> String) {
        if self.trace.is_some() {
            let line = what(self);
            if let Some(lines) = &mut self.trace {
                lines.push(line);
            }
        }
    }

    pub(crate) fn rows(&self, office: Office) -> &Table {
        if office == 0 {
            &self.head.rows
        } else {
            &self.branches[office - 1].rows
        }
    }

    fn rows_mut(&mut self, office: Office) -> &mut Table {
        if office == 0 {
            &mut self.head.rows
        } else {
            &mut self.branches[office - 1].rows
        }
    }

    /// A user commits; `next` makes one change after another from the rows as they are then.
    pub(crate) fn commit(
        &mut self,
        office: Office,
        time: i64,
        mut next: impl FnMut(&Table) -> Option<Op>,
    ) {
        let mut ops = Vec::new();
        let before = self.rows(office).clone();
        while let Some(op) = next(self.rows(office)) {
            let rows = self.rows(office).clone();
            self.audit.written.committed(&op, &rows);
            op.apply(self.rows_mut(office));
            ops.push(op);
        }
        self.note(|_| format!("{} commits at {time}: {ops:?}", NAMES[office]));
        if office == 0 {
            // The head writes the rows itself, with its log.
            self.head.rows = before;
            self.head.commit(time, &ops);
        } else {
            self.branches[office - 1].commit(time, &ops);
        }
    }

    /// The branch puts what it committed under way.
    pub(crate) fn tick(&mut self, branch: Office) {
        let tick = self.branches[branch - 1].tick();
        self.note(|_| {
            let (number, acknowledged) = (tick.number, tick.acknowledged);
            format!(
                "{} makes tick {number}, has acknowledged {acknowledged}",
                NAMES[branch]
            )
        });
        self.links[branch - 1].up.push_back(Upward::Tick(tick));
    }

    /// The branch says how far it is; `ahead`: the message arrives before all others.
    pub(crate) fn position(&mut self, branch: Office, ahead: bool) {
        let message = Upward::Position(self.branches[branch - 1].acknowledged());
        let up = &mut self.links[branch - 1].up;
        if ahead {
            up.push_front(message);
        } else {
            up.push_back(message);
        }
    }

    /// The head takes the next message of the branch. False if there is none.
    pub(crate) fn deliver_up(&mut self, branch: Office) -> Result<bool, String> {
        match self.links[branch - 1].up.pop_front() {
            None => return Ok(false),
            Some(Upward::Position(position)) => self.head.acknowledge(branch, position),
            Some(Upward::Tick(tick)) => {
                self.head.receive(branch, &tick, &mut self.audit)?;
                self.links[branch - 1].delivered.push(tick);
                self.note(|world| {
                    format!(
                        "head takes from {}: {:?}",
                        NAMES[branch],
                        world.head.ticks.last()
                    )
                });
            }
        }
        Ok(true)
    }

    /// The branch takes the next tick of the head. False if there is none.
    pub(crate) fn deliver_down(&mut self, branch: Office) -> bool {
        let position = self.links[branch - 1].down + 1;
        if position > self.head.ticks.len() as u64 {
            return false;
        }
        self.links[branch - 1].down = position;
        self.redeliver_down(branch, position);
        true
    }

    pub(crate) fn redeliver_down(&mut self, branch: Office, position: u64) {
        let lines = &self.head.ticks[position as usize - 1];
        self.branches[branch - 1].apply(position, lines);
        self.note(|world| {
            let rows = &world.branches[branch - 1].rows;
            format!("{} takes {position}: {rows:?}", NAMES[branch])
        });
    }

    /// How much of the head's log the branch was sent.
    pub(crate) fn delivered_down(&self, branch: Office) -> u64 {
        self.links[branch - 1].down
    }

    /// A tick that the head has already arrives once more, if there is any.
    pub(crate) fn redeliver_up(&mut self, branch: Office, which: usize) -> Result<(), String> {
        let delivered = &self.links[branch - 1].delivered;
        if let Some(tick) = delivered.get(which % delivered.len().max(1)) {
            let tick = tick.clone();
            self.note(|_| format!("head gets tick {} of {} again", tick.number, NAMES[branch]));
            self.head.receive(branch, &tick, &mut self.audit)?;
        }
        Ok(())
    }

    /// Traffic stops and all links are up.
    pub(crate) fn drain(&mut self) -> Result<(), String> {
        for branch in 1..=self.branches.len() {
            self.tick(branch);
            while self.deliver_up(branch)? {}
        }
        for branch in 1..=self.branches.len() {
            while self.deliver_down(branch) {}
        }
        Ok(())
    }

    /// All offices are the same, nothing is pending, everything is explained.
    pub(crate) fn check(&self, sums: bool) -> Result<(), String> {
        for branch in &self.branches {
            let name = NAMES[branch.id];
            if branch.rows != self.head.rows {
                return Err(format!(
                    "{name} has {:?}, the head {:?}",
                    branch.rows, self.head.rows
                ));
            }
            if !branch.pending.is_empty() || !branch.left_out.is_empty() {
                return Err(format!("{name} still waits for the head"));
            }
            if branch.acknowledged() != self.head.ticks.len() as u64 {
                return Err(format!("{name} has not acknowledged the whole log"));
            }
        }
        self.audit.written.end(&self.head.rows, sums)
    }
}
