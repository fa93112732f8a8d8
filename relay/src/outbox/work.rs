//! One unit of work of the outbox loop: make a tick, or hand one part to the broker.
//!
//! Invariant: what waits for confirms is bounded in bytes and in number, however big a tick is.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use super::drain::{Target, Underway};
use super::{NO_BRANCH_REST, Outbox, publish};
use crate::database::{self, Role, Tick};
use crate::error::{Error, Result};

/// Bytes handed to the broker and not confirmed.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Messages handed to the broker and not confirmed.
const MAX_MESSAGES: usize = 512;
/// Ticks sent again before the next tick for everybody gets its turn.
const RESEND_SLICE: u32 = 32;

impl Outbox {
    /// Does one unit of work; `false` when there is none to do now.
    pub(super) async fn work(&mut self) -> Result<bool> {
        let now = Instant::now();
        let stopping = self.stop.is_cancelled();
        let up = self.broker.is_up();
        let may_publish = self.may_publish(now);
        // Readings first: each makes a tick where there is something new, and ticks may be due all the time.
        let idle = self.underway.is_none() && !self.is_closing();
        if may_publish && idle && self.read_or_publish_reading(now).await? {
            return Ok(true);
        }
        // A reading goes out behind its tick and before the next one, so none is made meanwhile.
        if !stopping && !self.readings.waits() && self.ticker.due(now, self.unsettled(), up) <= now
        {
            let found = self
                .ticker
                .look(
                    &self.session.client,
                    self.stream.made,
                    up && !self.stream.pending(),
                )
                .await?;
            if let Some(found) = found {
                self.stream.found(found);
                return Ok(true);
            }
        }
        self.look_after_branches(now);
        if !may_publish {
            return Ok(false);
        }
        if idle {
            self.begin().await?;
        }
        if self.underway.is_some() {
            return self.publish_part().await;
        }
        Ok(false)
    }

    /// Whether the broker takes messages and there is room for one more.
    fn may_publish(&mut self, now: Instant) -> bool {
        let Some(publisher) = self.broker.up() else {
            return false;
        };
        // While there is nothing to publish, no failure tells that the connection is gone.
        if !publisher.connected() {
            self.start_over("the publishing connection broke; connecting again");
            return false;
        }
        if publisher.overdue(now) {
            self.start_over("the broker has confirmed nothing for a minute; connecting again");
            return false;
        }
        let blocked = publisher.blocked();
        let room =
            publisher.in_flight().bytes() < MAX_BYTES && publisher.in_flight().len() < MAX_MESSAGES;
        if blocked {
            // Ticks are made all the same, so it would not be in its place any more.
            self.readings.give_up();
        }
        if blocked != self.told_blocked {
            self.told_blocked = blocked;
            self.around.stats.blocked.store(blocked, Relaxed);
            if blocked {
                tracing::warn!(
                    "the broker has blocked publishing (memory or disk alarm); changes are kept \
                     in the outbox, applying goes on"
                );
            } else {
                tracing::info!("the broker takes messages again");
            }
        }
        room && !blocked
    }

    /// Chooses the next tick: ticks for everybody and ticks sent again take turns.
    async fn begin(&mut self) -> Result<()> {
        let turn = self.resent_in_a_row < RESEND_SLICE || !self.stream.pending();
        if turn && let Some((branch, tick)) = self.resends.next(self.stream.after, &self.held) {
            self.resent_in_a_row += 1;
            return self.begin_again(branch, tick).await;
        }
        self.resent_in_a_row = 0;
        let now = Instant::now();
        self.everybody_rests = self.everybody_rests.filter(|until| *until > now);
        if !self.stream.pending() || self.everybody_rests.is_some() {
            return Ok(());
        }
        if std::mem::take(&mut self.nobody_listens) {
            self.step_over_settled().await?;
        }
        if let Some(underway) = self.stream.next(&self.session.client).await? {
            self.step_over_hole(underway.tick);
            self.underway = self.in_shares(underway, now).await?;
        }
        Ok(())
    }

    /// Goes on behind what the database says is settled: where every branch is left behind, it counts as sent.
    async fn step_over_settled(&mut self) -> Result<()> {
        let (_, settled) = database::outbox_position(&self.session.client).await?;
        if settled > self.stream.after {
            tracing::debug!(settled, "nobody is to be sent these ticks");
            self.stream.step_over(settled);
            self.stream.look_again();
            self.settled = self.settled.max(settled);
        }
        Ok(())
    }

    /// A tick for everybody, ready to be published: where some of it is for single branches, or a branch is held, once for
    /// each of those that have something of their own in it and once for the others. None: no branch could get any of it.
    async fn in_shares(&mut self, underway: Underway, now: Instant) -> Result<Option<Underway>> {
        if !underway.tick.targeted && !self.held.is_any() {
            return Ok(Some(underway));
        }
        let (client, number) = (&self.session.client, underway.tick.number);
        let shares = database::recipients(client, number, &self.held.names()).await?;
        if shares.is_empty() {
            self.stream.look_again();
            self.everybody_rests = Some(now + NO_BRANCH_REST);
            self.nobody_listens = true;
            return Ok(None);
        }
        Ok(Some(underway.shared(shares)))
    }

    async fn begin_again(&mut self, branch: String, number: i64) -> Result<()> {
        let found = database::ticks_after(&self.session.client, number - 1, 1).await?;
        match found.first().filter(|tick| tick.number == number) {
            Some(tick) => self.underway = Some(Underway::new(*tick, Target::Branch(branch))),
            None => {
                tracing::error!(
                    branch,
                    tick = number,
                    "the branch lacks a tick that is no longer kept; the branch must be loaded again"
                );
                self.resends.stop(&branch);
            }
        }
        Ok(())
    }

    /// Rows between the cursor and the next tick are gone: acknowledged by everybody and pruned.
    fn step_over_hole(&mut self, tick: Tick) {
        if tick.previous == self.stream.after {
            return;
        }
        let (from, to) = (self.stream.after + 1, tick.previous);
        if self.stream.step_over(to) {
            tracing::debug!(
                from,
                to,
                "ticks were acknowledged before they were sent again"
            );
        } else {
            tracing::error!(
                from,
                to,
                "ticks to be published are no longer kept; whoever lacks them must be loaded again"
            );
        }
    }

    /// The tick under way was acknowledged by everybody, and pruned, before it was drained.
    fn drop_underway(&mut self) {
        self.stream.look_again();
        match self.underway.take().map(|underway| underway.target) {
            Some(Target::Branch(branch)) => self.resends.stop(&branch),
            Some(Target::Everybody) => self.nobody_listens = true,
            None => {}
        }
    }

    /// Drains the next part of the tick under way and hands it over.
    async fn publish_part(&mut self) -> Result<bool> {
        let Some(underway) = &mut self.underway else {
            return Ok(false);
        };
        let mut drained = match underway.drain(&self.session.client).await {
            Ok(drained) => drained,
            Err(error) if error.sqlstate() == Some("P0002") => {
                self.drop_underway();
                return Ok(true);
            }
            Err(error) => return Err(error),
        };
        crate::faults::publish_before();
        let Some(publisher) = self.broker.up() else {
            return Ok(false);
        };
        let position = match self.around.office.role {
            Role::Branch => self.around.positions.report(),
            Role::Head => None,
        };
        let (last, changes, bytes) = (drained.last, drained.changes, drained.body.len());
        let (number, part) = (underway.tick.number, underway.part);
        let is_last_share = underway.is_last_share();
        tracing::debug!(tick = number, part, changes, bytes, last, "publishing");
        let (outgoing, what) = publish::part(
            &self.around.office,
            publisher.user(),
            underway,
            &mut drained,
            position,
        );
        publisher.push(outgoing, what);
        self.ticker.carried(changes);
        crate::faults::publish_confirm();
        underway.advance(&drained);
        let stats = &self.around.stats;
        stats.bytes_sent.inc_by(u64::try_from(bytes).unwrap_or(0));
        stats
            .changes_sent
            .inc_by(u64::try_from(changes).unwrap_or(0));
        if last && !is_last_share {
            if let Some(underway) = &mut self.underway {
                underway.next_share();
            }
        } else if last {
            self.finish_tick()?;
        }
        Ok(true)
    }

    fn finish_tick(&mut self) -> Result<()> {
        let underway = self.underway.take().ok_or(Error::Task("publish"))?;
        self.around.stats.ticks_sent.inc();
        let number = underway.tick.number;
        match underway.target {
            Target::Everybody => self.stream.after = number,
            Target::Branch(branch) => self.resends.sent(&branch, number, self.stream.after),
        }
        Ok(())
    }

    /// At the head, now and then: do the queues of the known branches still exist?
    fn look_after_branches(&mut self, now: Instant) {
        if self.around.office.role != Role::Head || self.stop.is_cancelled() {
            return;
        }
        if let Some(publisher) = self.broker.up()
            && !publisher.blocked()
        {
            self.branches
                .look(now, publisher.link(), self.around.pool.clone());
        }
    }
}
