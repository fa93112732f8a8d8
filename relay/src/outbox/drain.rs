//! Where the publishing stands in the outbox: which tick is next, and which part of it.
//!
//! Invariant: at most one tick is under way; its parts leave in order and nothing else of this office
//! comes between them on the way to the same queue.

use std::collections::VecDeque;

use crate::database::{self, Client, Cursor, Drained, Found, Share, Tick};
use crate::error::Result;

/// How many ticks are looked up at once.
const PAGE: i32 = 64;

/// For whom a tick is being published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Everybody,
    Branch(String),
}

/// The tick under way and the cursor into it.
#[derive(Debug)]
pub(crate) struct Underway {
    pub(crate) tick: Tick,
    pub(crate) target: Target,
    /// Number of the next part.
    pub(crate) part: i32,
    after: Cursor,
    /// The first part, when it was read together with the tick.
    ahead: Option<Drained>,
    /// Of a tick for everybody of which some is for single branches: the shares that are not published yet, the one
    /// under way first. Each is published as a tick of its own.
    shares: VecDeque<Share>,
}

impl Underway {
    pub(crate) fn new(tick: Tick, target: Target) -> Self {
        Self {
            tick,
            target,
            part: 1,
            after: Cursor::START,
            ahead: None,
            shares: VecDeque::new(),
        }
    }

    /// The same tick in shares, at least one.
    pub(crate) fn shared(mut self, shares: Vec<Share>) -> Self {
        self.ahead = None;
        self.shares = shares.into();
        self
    }

    /// The branches that the share under way is for; None where it is for everybody alike.
    pub(crate) fn share(&self) -> Option<&[String]> {
        self.shares.front().map(|share| share.branches.as_slice())
    }

    /// Whether the share under way is the last one.
    pub(crate) fn is_last_share(&self) -> bool {
        self.shares.len() <= 1
    }

    /// Begins with the next share.
    pub(crate) fn next_share(&mut self) {
        self.shares.pop_front();
        self.part = 1;
        self.after = Cursor::START;
    }

    /// Reads the next part.
    pub(crate) async fn drain(&mut self, client: &Client) -> Result<Drained> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(ahead);
        }
        let target = match (&self.target, self.shares.front()) {
            (Target::Branch(branch), _) => branch,
            (Target::Everybody, Some(share)) => &share.target,
            (Target::Everybody, None) => "",
        };
        database::drain(client, self.tick.number, self.after, target).await
    }

    /// That part was handed to the broker.
    pub(crate) fn advance(&mut self, drained: &Drained) {
        self.part += 1;
        self.after = drained.next;
    }
}

/// The ticks for everybody.
#[derive(Debug)]
pub(crate) struct Stream {
    /// The last tick that was handed to the broker as a whole.
    pub(crate) after: i64,
    /// The last tick the database has made, as far as we know.
    pub(crate) made: i64,
    /// Every tick up to this one is confirmed in this pass over the outbox.
    pub(crate) confirmed: i64,
    /// From where the other side asked to be sent again.
    asked: i64,
    known: VecDeque<Tick>,
    /// The next tick with its first part, when they were read together with the making of it.
    ahead: Option<(Tick, Drained)>,
}

impl Stream {
    pub(crate) fn new(made: i64, sent: i64) -> Self {
        Self {
            after: sent,
            made,
            confirmed: sent,
            asked: i64::MAX,
            known: VecDeque::new(),
            ahead: None,
        }
    }

    /// Goes on behind ticks that are gone: every peer has acknowledged them, whatever is still to be
    /// confirmed of this pass. False when the other side has asked for one of them.
    pub(crate) fn step_over(&mut self, last_gone: i64) -> bool {
        let wanted = (self.after + 1..=last_gone).contains(&self.asked);
        self.after = last_gone;
        self.confirmed = self.confirmed.max(last_gone);
        !wanted
    }

    /// What was looked up may be gone by now: look again.
    pub(crate) fn look_again(&mut self) {
        self.known.clear();
        self.ahead = None;
    }

    /// There is a newer tick.
    pub(crate) fn found(&mut self, found: Found) {
        self.made = self.made.max(found.tick);
        self.ahead = found.whole;
    }

    pub(crate) fn pending(&self) -> bool {
        self.after < self.made
    }

    /// The next tick to publish for everybody, under way. A hole (rows pruned under a rewound cursor) is
    /// stepped over; the one who asked for them is told by the caller.
    pub(crate) async fn next(&mut self, client: &Client) -> Result<Option<Underway>> {
        if let Some(underway) = self.take_ahead() {
            return Ok(Some(underway));
        }
        let mut ahead = None;
        if self.known.is_empty() && self.pending() {
            let ticks = database::ticks_after(client, self.after, PAGE);
            let known = if self.made == self.after + 1 {
                // The usual case when there is no backlog: one round trip for the tick and its part.
                let part = database::drain(client, self.made, Cursor::START, "");
                let (known, part) = tokio::join!(ticks, part);
                ahead = part.ok();
                known?
            } else {
                ticks.await?
            };
            self.known = known.into();
            if self.known.is_empty() {
                // Nothing left up to `made`: all of it was acknowledged and pruned.
                self.after = self.made;
            }
        }
        Ok(self.known.pop_front().map(|tick| Underway {
            ahead: ahead.filter(|_| tick.number == self.made),
            ..Underway::new(tick, Target::Everybody)
        }))
    }

    /// The tick that was read ahead, unless the cursor has moved since.
    fn take_ahead(&mut self) -> Option<Underway> {
        let (tick, part) = self.ahead.take()?;
        if tick.previous != self.after {
            return None;
        }
        self.known.clear();
        Some(Underway {
            ahead: Some(part),
            ..Underway::new(tick, Target::Everybody)
        })
    }

    /// A part was confirmed.
    pub(crate) fn confirm(&mut self, tick: i64, previous: i64) {
        if previous == self.confirmed {
            self.confirmed = tick;
        }
    }

    /// The broker connection broke: begin again after the last confirmed tick.
    pub(crate) fn start_over(&mut self) {
        self.after = self.after.min(self.confirmed);
        self.look_again();
    }

    /// The other side lacks ticks from `from` on.
    pub(crate) fn rewind(&mut self, from: i64) {
        self.asked = from;
        if from <= self.after {
            self.after = from - 1;
            self.confirmed = self.confirmed.min(from - 1);
            self.look_again();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_connection_goes_back_to_the_last_confirmed_tick() {
        let mut stream = Stream::new(9, 4);
        stream.after = 8;
        stream.confirm(5, 4);
        stream.confirm(7, 6);
        assert_eq!(stream.confirmed, 5);
        stream.start_over();
        assert_eq!(stream.after, 5);
    }

    #[test]
    fn what_was_pruned_meanwhile_counts_as_confirmed() {
        let mut stream = Stream::new(400, 300);
        stream.rewind(92);
        stream.after = 283;
        stream.confirm(92, 91);
        // The other side has more than it asked for at first, and asks again.
        stream.rewind(362);
        assert!(stream.step_over(361));
        // The rest of the pass before the hole is confirmed too late to matter.
        stream.confirm(93, 92);
        stream.confirm(362, 361);
        assert_eq!((stream.after, stream.confirmed), (361, 362));
        assert!(
            !Stream {
                asked: 363,
                ..stream
            }
            .step_over(370)
        );
    }

    #[test]
    fn what_was_read_ahead_counts_only_where_the_cursor_still_stands() {
        let ahead = || {
            let tick = Tick {
                number: 5,
                previous: 4,
                created_us: 0,
                targeted: false,
            };
            let part = Drained {
                next: Cursor::START,
                last: true,
                encoding: "identity".into(),
                changes: 1,
                body: Vec::new(),
            };
            Found {
                tick: 5,
                whole: Some((tick, part)),
            }
        };
        let mut stream = Stream::new(4, 4);
        stream.found(ahead());
        assert!(stream.pending());
        let underway = stream.take_ahead().unwrap();
        assert_eq!((underway.tick.number, underway.ahead.is_some()), (5, true));
        assert!(stream.take_ahead().is_none());

        stream.found(ahead());
        stream.rewind(3);
        assert!(stream.take_ahead().is_none(), "it is not the next one now");
        stream.found(ahead());
        assert!(stream.take_ahead().is_none(), "nor when it comes late");
    }

    #[test]
    fn a_rewound_pass_is_confirmed_anew() {
        let mut stream = Stream::new(9, 9);
        stream.rewind(3);
        assert_eq!((stream.after, stream.confirmed), (2, 2));
        // A late confirm of the earlier pass says nothing about this one.
        stream.confirm(9, 8);
        assert_eq!(stream.confirmed, 2);
        stream.confirm(3, 2);
        assert_eq!(stream.confirmed, 3);
        stream.rewind(7);
        assert_eq!(stream.after, 2);
    }
}
