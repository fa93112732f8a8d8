//! What a fired trigger knows: the operation, the table, the row versions.

use crate::pg::tuple::Tuple;
use core::ffi::CStr;
use pgrx::pg_sys;

/// The statement kinds a trigger fires for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Insert,
    Update,
    Delete,
    Truncate,
}

/// One firing of a trigger, valid while the trigger function runs.
pub(crate) struct Firing<'a> {
    facts: &'a pg_sys::TriggerData,
}

impl<'a> Firing<'a> {
    /// The firing behind a trigger function's call, or `None` when it was not called as an AFTER
    /// trigger.
    ///
    /// # Safety
    /// `fcinfo` must be what PostgreSQL passed to the function that runs now.
    pub(super) unsafe fn of(fcinfo: pg_sys::FunctionCallInfo) -> Option<Self> {
        // SAFETY: the caller passes a live fcinfo; `context` is null or a tagged node.
        unsafe {
            let context = (*fcinfo).context;
            if context.is_null() || (*context).type_ != pg_sys::NodeTag::T_TriggerData {
                return None;
            }
            let facts = &*context.cast::<pg_sys::TriggerData>();
            let timing = facts.tg_event & pg_sys::TRIGGER_EVENT_TIMINGMASK;
            (timing == pg_sys::TRIGGER_EVENT_AFTER).then_some(Self { facts })
        }
    }

    pub(crate) fn event(&self) -> Event {
        match self.facts.tg_event & pg_sys::TRIGGER_EVENT_OPMASK {
            pg_sys::TRIGGER_EVENT_INSERT => Event::Insert,
            pg_sys::TRIGGER_EVENT_UPDATE => Event::Update,
            pg_sys::TRIGGER_EVENT_DELETE => Event::Delete,
            _ => Event::Truncate,
        }
    }

    /// The table (for a partitioned one: the partition) the row is in.
    pub(crate) fn relation(&self) -> pg_sys::Oid {
        // SAFETY: the relation is open and locked while its trigger runs.
        unsafe { (*self.facts.tg_relation).rd_id }
    }

    /// The function this trigger calls.
    pub(crate) fn function(&self) -> pg_sys::Oid {
        // SAFETY: the trigger descriptor lives while the trigger runs.
        unsafe { (*self.facts.tg_trigger).tgfoid }
    }

    /// The first argument given to CREATE TRIGGER.
    pub(crate) fn argument(&self) -> Option<&'a CStr> {
        // SAFETY: tgargs holds tgnargs NUL-terminated strings that live while the trigger runs.
        unsafe {
            let trigger = &*self.facts.tg_trigger;
            (trigger.tgnargs > 0).then(|| CStr::from_ptr(*trigger.tgargs))
        }
    }

    /// The row inserted or deleted, or the old row of an update.
    pub(crate) fn row(&self) -> Tuple<'a> {
        // SAFETY: for row triggers the server fills this slot; it lives while the trigger runs.
        unsafe { Tuple::of_slot(self.facts.tg_trigslot) }
    }

    /// The new row of an update.
    pub(crate) fn new_row(&self) -> Tuple<'a> {
        // SAFETY: as above, for UPDATE.
        unsafe { Tuple::of_slot(self.facts.tg_newslot) }
    }
}
