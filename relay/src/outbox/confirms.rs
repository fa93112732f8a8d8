//! What the broker says of what was published, and what follows from it.
//!
//! Invariant: after any doubt publishing begins again behind the last confirmed tick; settling never waits for the broker.

use std::time::{Duration, Instant};

use super::settle::{Confirmed, Trouble};
use super::{NO_BRANCH_REST, Outbox, drain};
use crate::database::{self, Role};

/// What is confirmed is settled so much later: several at once where more is under way, and not just while the other office
/// applies it, which may be on the same machine.
pub(super) const SETTLE_REST: Duration = Duration::from_millis(5);

impl Outbox {
    pub(super) async fn confirms_so_far(
        &mut self,
    ) -> Option<std::result::Result<Vec<Confirmed>, Trouble>> {
        let publisher = self.broker.up()?;
        std::future::poll_fn(|cx| match publisher.poll(cx) {
            std::task::Poll::Ready(confirms) => std::task::Poll::Ready(Some(confirms)),
            std::task::Poll::Pending => std::task::Poll::Ready(None),
        })
        .await
    }

    pub(super) fn take_confirms(&mut self, confirms: std::result::Result<Vec<Confirmed>, Trouble>) {
        let confirmed = match confirms {
            Ok(confirmed) => confirmed,
            Err(trouble) => return self.trouble(trouble),
        };
        for what in confirmed {
            match what {
                Confirmed::Part {
                    tick,
                    previous,
                    last: true,
                }
                | Confirmed::Share {
                    tick,
                    previous,
                    last: true,
                    ..
                } => {
                    self.broker.well();
                    self.stream.confirm(tick, previous);
                }
                Confirmed::Again {
                    branch,
                    tick,
                    last: true,
                } => self.resends.confirmed(&branch, tick),
                Confirmed::Reading { number, .. } => self.readings.confirmed(number),
                _ => {}
            }
        }
    }

    fn trouble(&mut self, trouble: Trouble) {
        let now = Instant::now();
        match trouble {
            Trouble::BranchMissing { branch } => self.branch_is_missing(&branch),
            Trouble::Unroutable if self.around.office.role == Role::Head => {
                if self.broker.should_tell("unroutable", now) {
                    tracing::warn!(
                        "no branch queue is bound to officesync.down; changes are kept in the \
                         outbox until a branch joins"
                    );
                }
                self.everybody_rests = Some(now + NO_BRANCH_REST);
                self.nobody_listens = true;
                self.forget_in_flight();
                self.broker.reopen();
            }
            Trouble::Unroutable => {
                self.start_over("the head's queue is missing; declaring it again")
            }
            Trouble::Nacked => self.start_over("the broker refused a message; sending it again"),
            Trouble::Broken(reason) => {
                tracing::debug!(reason, "publishing failed");
                self.start_over("the publishing connection broke; connecting again");
            }
        }
    }

    fn branch_is_missing(&mut self, branch: &str) {
        tracing::error!(
            branch,
            "the branch's queue is missing; its ticks are sent again when it connects"
        );
        self.resends.stop(branch);
        self.readings.lose_those_of(branch);
        let underway_there = self.underway.as_ref().is_some_and(
            |underway| matches!(&underway.target, drain::Target::Branch(target) if target == branch),
        );
        if underway_there {
            self.underway = None;
        }
    }

    /// Gives the connection up and begins again behind the last confirmed tick.
    pub(super) fn start_over(&mut self, why: &'static str) {
        if self.broker.should_tell(why, Instant::now()) {
            tracing::warn!("{why}");
        }
        self.around.stats.set_publishing(false);
        self.broker.fail();
        self.forget_in_flight();
    }

    fn forget_in_flight(&mut self) {
        self.stream.start_over();
        self.resends.rewind();
        self.readings.lose_all();
        self.underway = None;
    }

    pub(super) fn unsettled(&self) -> i64 {
        (self.stream.made - self.settled).max(0)
    }

    pub(super) fn start_settling(&mut self) {
        let tick = self.stream.confirmed;
        if tick <= self.settled {
            // Also after a rewind: there is nothing to wake up for.
            self.confirmed_at = None;
            return;
        }
        if self.settling.is_some() {
            return;
        }
        let now = Instant::now();
        let since = *self.confirmed_at.get_or_insert(now);
        if now < since + SETTLE_REST && !self.is_closing() {
            return;
        }
        self.confirmed_at = None;
        crate::faults::confirm_settle();
        let pool = self.around.pool.clone();
        self.settling = Some(tokio::spawn(async move {
            database::settle(&*pool.get().await?, tick).await?;
            Ok(tick)
        }));
    }
}
