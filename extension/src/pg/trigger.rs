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
    /// The firing behind a trigger function's call, or `None` when it was called neither as an AFTER
    /// trigger nor as a BEFORE trigger of a TRUNCATE.
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
            let firing = Self { facts };
            let timing = facts.tg_event & pg_sys::TRIGGER_EVENT_TIMINGMASK;
            let allowed = timing == pg_sys::TRIGGER_EVENT_AFTER
                || timing == pg_sys::TRIGGER_EVENT_BEFORE && firing.event() == Event::Truncate;
            allowed.then_some(firing)
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

    /// Whether it fires before what it fires for.
    pub(crate) fn is_before(&self) -> bool {
        self.facts.tg_event & pg_sys::TRIGGER_EVENT_TIMINGMASK == pg_sys::TRIGGER_EVENT_BEFORE
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

    /// Where the version lies that the row had before: of an update or delete.
    pub(crate) fn old_version(&self) -> Option<u64> {
        let has_old = matches!(self.event(), Event::Update | Event::Delete);
        // SAFETY: for row triggers the server fills this slot; it lives while the trigger runs.
        has_old.then(|| unsafe { place(self.facts.tg_trigslot) })
    }

    /// The command that wrote the old version, if this transaction did.
    pub(crate) fn old_command(&self) -> Option<u32> {
        self.old_version()?;
        // SAFETY: for row triggers the tuple is set, with its header as it lies in the table.
        unsafe { own_command(self.facts.tg_trigtuple) }
    }

    /// Where the version lies that the change wrote: of an insert or update.
    pub(crate) fn new_version(&self) -> Option<u64> {
        let slot = match self.event() {
            Event::Insert => self.facts.tg_trigslot,
            Event::Update => self.facts.tg_newslot,
            Event::Delete | Event::Truncate => return None,
        };
        // SAFETY: as above; an update has both slots.
        Some(unsafe { place(slot) })
    }

    /// The command that wrote the new version.
    pub(crate) fn new_command(&self) -> Option<u32> {
        let tuple = match self.event() {
            Event::Insert => self.facts.tg_trigtuple,
            Event::Update => self.facts.tg_newtuple,
            Event::Delete | Event::Truncate => return None,
        };
        // SAFETY: as above.
        unsafe { own_command(tuple) }
    }

    /// Whether a value of the row, old or new, is stored outside of it: only such a one can be large.
    #[inline]
    pub(crate) fn holds_stored_elsewhere(&self) -> bool {
        let marked = |tuple: pg_sys::HeapTuple| {
            // SAFETY: null where the event has no such row; else a whole tuple.
            !tuple.is_null()
                && unsafe { (*(*tuple).t_data).t_infomask & pg_sys::HEAP_HASEXTERNAL as u16 != 0 }
        };
        marked(self.facts.tg_trigtuple) || marked(self.facts.tg_newtuple)
    }

    /// The row inserted or deleted, or the old row of an update.
    pub(crate) fn row(&self) -> Tuple<'a> {
        // SAFETY: for row triggers the server fills this slot; it lives while the trigger runs.
        unsafe { Tuple::of_slot(self.facts.tg_trigslot) }
    }

    /// The same, of which only the first `attributes` are looked at.
    pub(crate) fn row_up_to(&self, attributes: usize) -> Tuple<'a> {
        // SAFETY: as above.
        unsafe { Tuple::of_slot_up_to(self.facts.tg_trigslot, attributes) }
    }

    /// The new row of an update.
    pub(crate) fn new_row(&self) -> Tuple<'a> {
        // SAFETY: as above, for UPDATE.
        unsafe { Tuple::of_slot(self.facts.tg_newslot) }
    }
}

/// Block and offset of a row version as one number.
///
/// # Safety
/// `slot` must be a filled slot.
unsafe fn place(slot: *mut pg_sys::TupleTableSlot) -> u64 {
    // SAFETY: as promised.
    let place = unsafe { (*slot).tts_tid };
    let block = u64::from(place.ip_blkid.bi_hi) << 16 | u64::from(place.ip_blkid.bi_lo);
    block << 16 | u64::from(place.ip_posid)
}

/// The command of this transaction that wrote a row version; `None` when another transaction did.
///
/// # Safety
/// `tuple` must be null or a tuple with its header.
unsafe fn own_command(tuple: pg_sys::HeapTuple) -> Option<u32> {
    // SAFETY: as promised; the command is asked for only where this transaction wrote it.
    unsafe {
        let header = tuple.as_ref()?.t_data;
        let writer = (*header).t_choice.t_heap.t_xmin;
        pg_sys::TransactionIdIsCurrentTransactionId(writer)
            .then(|| pg_sys::HeapTupleHeaderGetCmin(header))
    }
}
