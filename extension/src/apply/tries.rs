//! The lines of a tick, tried the quick way and then with care.

use super::lines::{Feed, Sender};
use super::schema;
use super::tick::{self, Amount};
use crate::ddl::mapping::{self, Mapping};
use crate::merge;
use crate::pg::subxact;
use crate::transaction;
use officesync_wire::decode::Line;

/// What became of the lines of a tick.
pub(super) enum Tried {
    Applied(Amount),
    /// It brings what no branch may, for this reason.
    Forbidden(String),
}

/// A branch's tick. What it wrote under an older schema is read in today's words; None where that changed
/// meanwhile, unless it is the last try.
pub(super) fn at_head(
    sender: &Sender,
    feed: Feed<'_>,
    begin: &dyn Fn(),
    last: bool,
) -> Option<Tried> {
    let newest = Mapping::newest();
    let is_settled = || last || Mapping::newest() == newest;
    let history = (newest > 0).then(Mapping::load).flatten();
    let mapped = |sink: &mut dyn FnMut(&Line<'_>)| match &history {
        None => feed(sink),
        Some(history) => {
            history.begin();
            let bytes = feed(&mut |line| {
                let mapped = history.line(line);
                mapping::line_is_mapped(mapped.is_some());
                if mapped.is_some() {
                    // The branch has to take the rows as they stand here.
                    transaction::has_merged();
                }
                sink(mapped.as_ref().unwrap_or(line));
            });
            mapping::line_is_mapped(false);
            bytes
        }
    };
    let was_mapped = || history.as_ref().is_some_and(Mapping::is_touched);
    let quick = subxact::attempt(|| {
        begin();
        tick::apply(sender, &mapped).filter(|_| !was_mapped() && is_settled())
    });
    if let Some(reason) = schema::why_forbidden() {
        begin();
        return Some(Tried::Forbidden(reason));
    }
    if let Some(amount) = quick {
        return Some(Tried::Applied(amount));
    }
    let with_care = || {
        begin();
        let amount = merge::head::apply(sender, &mapped);
        for loss in history.iter().flat_map(Mapping::losses) {
            loss.record(&sender.office);
        }
        amount
    };
    let careful = subxact::attempt_or_code(|| Some(with_care()).filter(|_| is_settled()));
    if let Some(reason) = schema::why_forbidden() {
        begin();
        return Some(Tried::Forbidden(reason));
    }
    match careful {
        Ok(amount) => amount.map(Tried::Applied),
        // Said again, where it stops the lane.
        Err(_) if is_settled() => Some(Tried::Applied(with_care())),
        Err(_) => None,
    }
}

/// A tick of the head. None where it adds a label to an enum, which can be used only once that is committed: that is
/// done then, and no more.
pub(super) fn at_branch(
    left_out: Option<bool>,
    sender: &Sender,
    tick: i64,
    feed: Feed<'_>,
    begin: &dyn Fn(),
) -> Option<Tried> {
    let at_once = || {
        begin();
        tick::apply(sender, feed)
    };
    // Rows that made room have to be looked for in each tick, until they are answered.
    let quick = (left_out != Some(true)).then(|| subxact::attempt(at_once));
    let mut quick = quick.flatten();
    if quick.is_none() {
        if schema::add_labels(feed) {
            return None;
        }
        if schema::has_met_label() {
            // It is one of a type that the tick itself makes.
            quick = schema::with_labels(|| subxact::attempt(at_once));
        }
    }
    let may_have_left_out = left_out.is_some() || quick.is_none();
    let amount = quick.unwrap_or_else(|| {
        begin();
        schema::with_labels(|| merge::branch::apply(sender, tick, feed))
    });
    if may_have_left_out {
        merge::left_out::settle(amount.acknowledged);
    }
    Some(Tried::Applied(amount))
}
