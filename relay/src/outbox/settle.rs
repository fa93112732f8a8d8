//! Which published messages are confirmed, and so how far the outbox is settled.
//!
//! Invariant: confirms are believed in publishing order only. RabbitMQ confirms a message it could not
//! route, and the client library hands the returned message over with *some* later or equal confirm;
//! so a return is matched by key and message id, never by the confirm it came with.

use std::collections::VecDeque;

/// What a published message was, once it is confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Confirmed {
    /// A part of a tick for everybody; `last` ends the tick.
    Part {
        tick: i64,
        previous: i64,
        last: bool,
    },
    /// A part of the share that some branches get of a tick for everybody; `last` ends the tick.
    Share {
        branches: Vec<String>,
        tick: i64,
        previous: i64,
        last: bool,
    },
    /// A part of a tick sent again to one branch.
    Again {
        branch: String,
        tick: i64,
        last: bool,
    },
    /// A reading for one branch.
    Reading { branch: String, number: i64 },
    /// A control message.
    Control,
}

/// How the broker answered one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Acked,
    /// This message is acknowledged, and a message (this or another) came back.
    AckedWithReturn {
        key: String,
        id: String,
    },
    Nacked,
    Failed(String),
}

/// Why publishing cannot go on as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// A message for everybody went to no queue at all.
    Unroutable,
    /// The queue of one branch is missing.
    BranchMissing { branch: String },
    /// The broker refused a message.
    Nacked,
    /// The channel or connection broke.
    Broken(String),
}

#[derive(Debug)]
struct Entry {
    what: Confirmed,
    key: String,
    id: String,
    bytes: usize,
    acked: bool,
    returned: bool,
}

/// The messages that are not confirmed yet, in publishing order.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    entries: VecDeque<Entry>,
    bytes: usize,
    trouble: Option<Trouble>,
}

/// What `take_done` took.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) removed: usize,
    /// So many of them had come back.
    pub(crate) returned: usize,
    pub(crate) confirmed: Vec<Confirmed>,
    pub(crate) trouble: Option<Trouble>,
}

impl InFlight {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn push(&mut self, what: Confirmed, key: &str, id: &str, bytes: usize) {
        self.bytes += bytes;
        self.entries.push_back(Entry {
            what,
            key: key.to_owned(),
            id: id.to_owned(),
            bytes,
            acked: false,
            returned: false,
        });
    }

    /// Notes the answer to the message at `index` (counted from the oldest).
    pub(crate) fn resolve(&mut self, index: usize, outcome: Outcome) {
        match outcome {
            Outcome::Acked => self.ack(index),
            Outcome::AckedWithReturn { key, id } => {
                self.ack(index);
                let entry = self
                    .entries
                    .iter_mut()
                    .find(|entry| entry.key == key && entry.id == id && !entry.returned);
                match entry {
                    Some(entry) => entry.returned = true,
                    // Not one of ours, or settled already: never guess, start over.
                    None => self.note(Trouble::Unroutable),
                }
            }
            Outcome::Nacked => self.note(Trouble::Nacked),
            Outcome::Failed(reason) => self.note(Trouble::Broken(reason)),
        }
    }

    fn ack(&mut self, index: usize) {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.acked = true;
        }
    }

    fn note(&mut self, trouble: Trouble) {
        self.trouble.get_or_insert(trouble);
    }

    /// Takes the confirmed messages from the front, up to the first that is not.
    pub(crate) fn take_done(&mut self) -> Done {
        let mut confirmed = Vec::new();
        let (mut removed, mut returned) = (0, 0);
        while self.trouble.is_none() && self.entries.front().is_some_and(|entry| entry.acked) {
            let Some(entry) = self.entries.pop_front() else {
                break;
            };
            removed += 1;
            returned += usize::from(entry.returned);
            self.bytes -= entry.bytes;
            match (entry.returned, entry.what) {
                (false, what) => confirmed.push(what),
                // A control message without a reader is not worth a fuss: it is repeated.
                (true, Confirmed::Control) => confirmed.push(Confirmed::Control),
                (true, Confirmed::Part { .. }) => self.note(Trouble::Unroutable),
                // The others have theirs. Those whose queue is missing are sent theirs when they connect.
                (
                    true,
                    Confirmed::Share {
                        branches,
                        tick,
                        previous,
                        last,
                    },
                ) => {
                    if let Some(branch) = branches.first().cloned() {
                        self.note(Trouble::BranchMissing { branch });
                    }
                    confirmed.push(Confirmed::Share {
                        branches,
                        tick,
                        previous,
                        last,
                    });
                }
                (true, Confirmed::Again { branch, .. } | Confirmed::Reading { branch, .. }) => {
                    self.note(Trouble::BranchMissing { branch });
                }
            }
        }
        // What was confirmed before the trouble still counts; the trouble is told on the next call.
        let trouble = if confirmed.is_empty() {
            self.trouble.take()
        } else {
            None
        };
        Done {
            removed,
            returned,
            confirmed,
            trouble,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(tick: i64) -> Confirmed {
        Confirmed::Part {
            tick,
            previous: tick - 1,
            last: true,
        }
    }

    fn flight(ticks: &[i64]) -> InFlight {
        let mut flight = InFlight::default();
        for tick in ticks {
            flight.push(part(*tick), "all", &format!("o/i/{tick}/1"), 10);
        }
        flight
    }

    fn returned(tick: i64) -> Outcome {
        Outcome::AckedWithReturn {
            key: "all".into(),
            id: format!("o/i/{tick}/1"),
        }
    }

    #[test]
    fn confirms_out_of_order_wait_for_the_older_ones() {
        let mut flight = flight(&[1, 2, 3]);
        flight.resolve(2, Outcome::Acked);
        flight.resolve(1, Outcome::Acked);
        assert_eq!(flight.take_done().confirmed, []);
        flight.resolve(0, Outcome::Acked);
        let done = flight.take_done();
        assert_eq!(done.confirmed, [part(1), part(2), part(3)]);
        assert_eq!((done.removed, flight.bytes()), (3, 0));
    }

    #[test]
    fn a_return_on_another_messages_confirm_hits_the_right_one() {
        let mut flight = flight(&[1, 2, 3]);
        flight.resolve(2, returned(2));
        flight.resolve(0, Outcome::Acked);
        flight.resolve(1, Outcome::Acked);
        let done = flight.take_done();
        assert_eq!((done.removed, done.returned), (2, 1));
        assert_eq!(done.confirmed, [part(1)]);
        let done = flight.take_done();
        assert_eq!(done.trouble, Some(Trouble::Unroutable));
        assert_eq!(done.confirmed, []);
    }

    #[test]
    fn an_unknown_return_is_trouble() {
        let mut flight = flight(&[1]);
        flight.resolve(0, returned(9));
        assert_eq!(flight.take_done().trouble, Some(Trouble::Unroutable));
    }

    #[test]
    fn a_missing_branch_is_told_apart_from_everybody_missing() {
        let mut flight = flight(&[7]);
        let again = Confirmed::Again {
            branch: "b1".into(),
            tick: 7,
            last: true,
        };
        flight.push(again, "b1", "o/i/7/1", 10);
        flight.resolve(0, Outcome::Acked);
        flight.resolve(
            1,
            Outcome::AckedWithReturn {
                key: "b1".into(),
                id: "o/i/7/1".into(),
            },
        );
        assert_eq!(flight.take_done().confirmed, [part(7)]);
        assert_eq!(
            flight.take_done().trouble,
            Some(Trouble::BranchMissing {
                branch: "b1".into()
            })
        );
    }

    #[test]
    fn a_share_without_a_queue_does_not_hold_up_the_others() {
        let share = |branch: &str, last: bool| Confirmed::Share {
            branches: vec![branch.into()],
            tick: 7,
            previous: 6,
            last,
        };
        let mut flight = InFlight::default();
        flight.push(share("b1", false), "b1", "o/i/7/1", 10);
        flight.push(share("b2", true), "b2", "o/i/7/1", 10);
        flight.resolve(
            0,
            Outcome::AckedWithReturn {
                key: "b2".into(),
                id: "o/i/7/1".into(),
            },
        );
        flight.resolve(1, Outcome::Acked);
        assert_eq!(
            flight.take_done().confirmed,
            [share("b1", false), share("b2", true)]
        );
        let missing = Trouble::BranchMissing {
            branch: "b2".into(),
        };
        assert_eq!(flight.take_done().trouble, Some(missing));
    }

    #[test]
    fn nacks_and_broken_channels_are_trouble() {
        let mut nacked = flight(&[1]);
        nacked.resolve(0, Outcome::Nacked);
        assert_eq!(nacked.take_done().trouble, Some(Trouble::Nacked));
        let mut broken = flight(&[1]);
        broken.resolve(0, Outcome::Failed("gone".into()));
        assert_eq!(
            broken.take_done().trouble,
            Some(Trouble::Broken("gone".into()))
        );
    }
}
