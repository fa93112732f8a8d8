//! Rows of one table, written as PostgreSQL's own logical replication does: without SQL, one by one,
//! with indexes, constraints and those triggers that fire in a replica.
//!
//! Taken from `src/backend/replication/logical/worker.c` (`create_edata_for_relation`,
//! `apply_handle_insert_internal` and its like); the functions of the executor they call are there for
//! that.

use crate::pg::executor::{node, range_table, updated_columns};
use crate::pg::input::Input;
use crate::pg::lookup::Lookup;
use crate::pg::multi_insert::MultiInsert;
use crate::pg::tuple::{Storage, Tuple};
use pgrx::pg_sys::{self, Oid};

/// A column by its place in the table and how its values are read.
pub(crate) struct Field {
    /// Counted from 0, with the dropped ones.
    pub(crate) index: usize,
    pub(crate) input: Input,
}

/// A field of a row and its text.
pub(crate) type Value<'a> = (&'a Field, Option<&'a str>);

/// A table that is open for writing. To be [`TableWriter::close`]d; after an error the transaction's
/// abort does that.
pub(crate) struct TableWriter {
    relation: pg_sys::Relation,
    state: *mut pg_sys::EState,
    entry: *mut pg_sys::RangeTblEntry,
    target: *mut pg_sys::ResultRelInfo,
    /// The row to write.
    new: *mut pg_sys::TupleTableSlot,
    /// The key to look for.
    key: *mut pg_sys::TupleTableSlot,
    /// The row found.
    found: *mut pg_sys::TupleTableSlot,
    recheck: Box<pg_sys::EPQState>,
    /// How rows are found; the index is the same as long as the shape of the changes is.
    lookup: Option<Lookup>,
    /// Rows on their way into the table; none are left behind by a call.
    together: Option<MultiInsert>,
    /// Whether no trigger fires, because only those to be ignored would.
    pub(crate) fires_nothing: bool,
}

impl TableWriter {
    /// Opens an ordinary table. Triggers that call `ignored` are left out when no other would fire.
    pub(crate) fn open(relation: Oid, ignored: Oid) -> Self {
        // SAFETY: as in worker.c. All is allocated in the query context of the executor state, which
        // lives in the transaction's, and is closed in `close`.
        unsafe {
            let relation =
                pg_sys::table_open(relation, pg_sys::RowExclusiveLock as pg_sys::LOCKMODE);
            let before = pg_sys::MemoryContextSwitchTo(pg_sys::TopTransactionContext);
            let state = pg_sys::CreateExecutorState();
            pg_sys::MemoryContextSwitchTo((*state).es_query_cxt);
            let entry = node::<pg_sys::RangeTblEntry>(pg_sys::NodeTag::T_RangeTblEntry);
            (*entry).rtekind = pg_sys::RTEKind::RTE_RELATION;
            (*entry).relid = (*relation).rd_id;
            (*entry).relkind = (*(*relation).rd_rel).relkind;
            (*entry).rellockmode = pg_sys::AccessShareLock as i32;
            range_table(state, entry);
            let target = node::<pg_sys::ResultRelInfo>(pg_sys::NodeTag::T_ResultRelInfo);
            pg_sys::InitResultRelInfo(target, relation, 1, core::ptr::null_mut(), 0);
            let fires_nothing = only_fires(relation, ignored);
            if fires_nothing {
                (*target).ri_TrigDesc = core::ptr::null_mut();
            }
            (*state).es_opened_result_relations =
                pg_sys::lappend((*state).es_opened_result_relations, target.cast());
            (*state).es_output_cid = pg_sys::GetCurrentCommandId(true);
            pg_sys::ExecOpenIndices(target, false);
            let descriptor = (*relation).rd_att;
            let virtual_slot = &raw const pg_sys::TTSOpsVirtual;
            let mut recheck = Box::new(pg_sys::EPQState::default());
            let none = core::ptr::null_mut();
            pg_sys::EvalPlanQualInit(
                &mut *recheck,
                state,
                none,
                core::ptr::null_mut(),
                -1,
                #[cfg(any(feature = "pg16", feature = "pg17", feature = "pg18"))]
                core::ptr::null_mut(),
            );
            let writer = Self {
                relation,
                state,
                entry,
                target,
                new: pg_sys::MakeSingleTupleTableSlot(descriptor, virtual_slot),
                key: pg_sys::MakeSingleTupleTableSlot(descriptor, virtual_slot),
                found: pg_sys::table_slot_create(relation, core::ptr::null_mut()),
                recheck,
                lookup: None,
                together: None,
                fires_nothing,
            };
            pg_sys::MemoryContextSwitchTo(before);
            writer
        }
    }

    /// Writes one row and shows it to `done`. `values` must hold all columns but generated ones.
    pub(crate) fn insert<'a>(
        &mut self,
        values: impl Iterator<Item = Value<'a>>,
        done: impl FnOnce(&Tuple<'_>),
    ) {
        // SAFETY: the slot is filled by `fill`, which leaves no attribute out.
        unsafe {
            self.begin_row();
            fill(self.new, values, self.row_context());
            pg_sys::ExecSimpleRelationInsert(self.target, self.state, self.new);
            done(&Tuple::of_slot(self.new));
        }
    }

    /// Writes rows like [`TableWriter::insert`], together. Only where nothing fires; each is shown to `done` before it
    /// is written.
    pub(crate) fn insert_together<'a, R: Iterator<Item = Value<'a>>>(
        &mut self,
        rows: impl Iterator<Item = R>,
        mut done: impl FnMut(&Tuple<'_>),
    ) {
        // SAFETY: as in `insert`, and what ExecSimpleRelationInsert checks is checked here. The slots live in the query
        // context, the rows' values until they are written.
        unsafe {
            let queries = (*self.state).es_query_cxt;
            let mut together = match self.together.take() {
                Some(together) => together,
                None => MultiInsert::open(self.relation, queries),
            };
            for row in rows {
                self.begin_row();
                let before = pg_sys::MemoryContextSwitchTo(queries);
                let slot = together.next();
                pg_sys::MemoryContextSwitchTo(before);
                let mut bytes = 0;
                let counted = row.inspect(|(_, text)| bytes += text.map_or(0, str::len));
                fill(slot, counted, together.values);
                if !(*(*self.relation).rd_att).constr.is_null() {
                    pg_sys::ExecConstraints(self.target, slot, self.state);
                }
                if (*(*self.relation).rd_rel).relispartition {
                    pg_sys::ExecPartitionCheck(self.target, slot, self.state, true);
                }
                done(&Tuple::of_slot(slot));
                if together.is_full(bytes) {
                    together.write(self.target, self.state);
                }
            }
            together.write(self.target, self.state);
            self.together = Some(together);
        }
    }

    /// Whether the row found holds these values, image by image. What is equal and written otherwise (1.0
    /// and 1.00) counts as different.
    pub(crate) fn found_is<'a>(&mut self, values: impl Iterator<Item = Value<'a>>) -> bool {
        // SAFETY: the found slot holds a row of the table; the values read live in the row's memory.
        unsafe {
            let found = Tuple::of_slot(self.found);
            let before = pg_sys::MemoryContextSwitchTo(self.row_context());
            let mut values = values;
            let same = values.all(|(field, text)| match (found.value(field.index), text) {
                (None, None) => true,
                (Some(datum), Some(text)) => {
                    let storage = Storage::of(self.relation, field.index);
                    storage.same(datum, field.input.read(text))
                }
                _ => false,
            });
            pg_sys::MemoryContextSwitchTo(before);
            same
        }
    }

    /// Changes the row found and shows its old and new version to `done`.
    pub(crate) fn update<'a>(
        &mut self,
        values: impl Iterator<Item = Value<'a>>,
        done: impl FnOnce(&Tuple<'_>, &Tuple<'_>),
    ) {
        // SAFETY: both slots have the table's columns; the new row is the found one with some values
        // replaced, and is written before the found slot is cleared.
        unsafe {
            pg_sys::slot_getallattrs(self.found);
            let columns = (*(*self.relation).rd_att).natts.max(0) as usize;
            pg_sys::ExecClearTuple(self.new);
            let (from, to) = (&*self.found, &mut *self.new);
            core::ptr::copy_nonoverlapping(from.tts_values, to.tts_values, columns);
            core::ptr::copy_nonoverlapping(from.tts_isnull, to.tts_isnull, columns);
            set(self.new, values, self.row_context());
            pg_sys::ExecStoreVirtualTuple(self.new);
            self.recheck.origslot = self.new;
            let (found, new) = (self.found, self.new);
            pg_sys::ExecSimpleRelationUpdate(
                self.target,
                self.state,
                &mut *self.recheck,
                found,
                new,
            );
            done(&Tuple::of_slot(found), &Tuple::of_slot(new));
            pg_sys::ExecClearTuple(self.found);
        }
    }

    /// Deletes the row found and shows it to `done`.
    pub(crate) fn delete(&mut self, done: impl FnOnce(&Tuple<'_>)) {
        // SAFETY: the found slot holds a locked row of the table.
        unsafe {
            self.recheck.origslot = self.found;
            let found = self.found;
            pg_sys::ExecSimpleRelationDelete(self.target, self.state, &mut *self.recheck, found);
            done(&Tuple::of_slot(found));
            pg_sys::ExecClearTuple(self.found);
        }
    }

    /// Says which columns the next updates change: some triggers and the strength of the row's lock
    /// depend on it.
    pub(crate) fn will_update(&mut self, columns: impl Iterator<Item = usize>) {
        // SAFETY: the range table entry lives as long as the executor state.
        unsafe {
            let before = pg_sys::MemoryContextSwitchTo((*self.state).es_query_cxt);
            let mut changed = core::ptr::null_mut();
            for index in columns {
                let member = index as i32 + 1 - pg_sys::FirstLowInvalidHeapAttributeNumber;
                changed = pg_sys::bms_add_member(changed, member);
            }
            updated_columns(self.state, self.entry, changed);
            pg_sys::MemoryContextSwitchTo(before);
        }
    }

    /// Finds the row with that key by the unique `index`, and locks it; false when there is none.
    pub(crate) fn find<'a>(&mut self, index: Oid, key: impl Iterator<Item = Value<'a>>) -> bool {
        // SAFETY: the slot holds the columns of the index, the others are null and not looked at.
        unsafe {
            self.begin_row();
            fill(self.key, key, self.row_context());
            let before = pg_sys::MemoryContextSwitchTo((*self.state).es_query_cxt);
            let known = self.lookup.take();
            let mut lookup = match known {
                Some(known) if known.index == index => known,
                other => {
                    if let Some(other) = other {
                        other.close();
                    }
                    Lookup::open(self.relation, index)
                }
            };
            let is_found = lookup.find(self.key, self.found);
            self.lookup = Some(lookup);
            pg_sys::MemoryContextSwitchTo(before);
            is_found
        }
    }

    /// Frees what the last row took.
    fn begin_row(&mut self) {
        // SAFETY: the slots point into the memory that is reset, so they are cleared first.
        unsafe {
            pg_sys::ExecClearTuple(self.new);
            pg_sys::ExecClearTuple(self.key);
            pg_sys::MemoryContextReset(self.row_context());
        }
    }

    fn row_context(&self) -> pg_sys::MemoryContext {
        // SAFETY: the executor state lives; it makes this context when there is none.
        unsafe {
            let mut context = (*self.state).es_per_tuple_exprcontext;
            if context.is_null() {
                context = pg_sys::MakePerTupleExprContext(self.state);
            }
            (*context).ecxt_per_tuple_memory
        }
    }

    /// Closes the table; its lock stays to the end of the transaction.
    pub(crate) fn close(mut self) {
        // SAFETY: each was opened in `open`.
        unsafe {
            if let Some(lookup) = self.lookup.take() {
                lookup.close();
            }
            if let Some(together) = self.together.take() {
                together.close();
            }
            pg_sys::EvalPlanQualEnd(&mut *self.recheck);
            pg_sys::ExecDropSingleTupleTableSlot(self.new);
            pg_sys::ExecDropSingleTupleTableSlot(self.key);
            pg_sys::ExecDropSingleTupleTableSlot(self.found);
            pg_sys::ExecCloseIndices(self.target);
            pg_sys::ExecResetTupleTable((*self.state).es_tupleTable, false);
            pg_sys::table_close(self.relation, pg_sys::NoLock as pg_sys::LOCKMODE);
            pg_sys::FreeExecutorState(self.state);
        }
    }
}

/// The span in which AFTER triggers of the rows written are gathered; they fire at its end.
pub(crate) struct Gathering {
    statement: Box<u8>,
}

impl Gathering {
    /// Begins to gather.
    pub(crate) fn begin() -> Self {
        let statement = Box::new(0_u8);
        // SAFETY: ended in `fire`, or by an abort.
        unsafe {
            let command = pg_sys::GetCurrentCommandId(true);
            crate::transaction::statement_begins((&raw const *statement).addr(), command);
            pg_sys::AfterTriggerBeginQuery();
        }
        Self { statement }
    }

    /// Fires what was gathered, and makes what was written visible to what follows.
    pub(crate) fn fire(self) {
        let id = (&raw const *self.statement).addr();
        crate::transaction::statement_finishing(id);
        // SAFETY: begun in `begin`; a state of its own, because the triggers open tables in it.
        unsafe {
            let before = pg_sys::MemoryContextSwitchTo(pg_sys::TopTransactionContext);
            let state = pg_sys::CreateExecutorState();
            pg_sys::AfterTriggerEndQuery(state);
            pg_sys::ExecCloseResultRelations(state);
            pg_sys::ExecResetTupleTable((*state).es_tupleTable, false);
            pg_sys::FreeExecutorState(state);
            pg_sys::MemoryContextSwitchTo(before);
            pg_sys::CommandCounterIncrement();
        }
        crate::transaction::statement_ended(id);
    }
}

/// Empties `slot` and puts these values into it, all others null.
///
/// # Safety
/// `slot` must be one for rows of a table, `values` of that table, and `context` live longer than the row does in it.
unsafe fn fill<'a>(
    slot: *mut pg_sys::TupleTableSlot,
    values: impl Iterator<Item = Value<'a>>,
    context: pg_sys::MemoryContext,
) {
    // SAFETY: the arrays have as many entries as the descriptor says.
    unsafe {
        pg_sys::ExecClearTuple(slot);
        let columns = (*(*slot).tts_tupleDescriptor).natts.max(0) as usize;
        core::slice::from_raw_parts_mut((*slot).tts_isnull, columns).fill(true);
        set(slot, values, context);
        pg_sys::ExecStoreVirtualTuple(slot);
    }
}

/// Puts these values into `slot`.
///
/// # Safety
/// As for [`fill`].
unsafe fn set<'a>(
    slot: *mut pg_sys::TupleTableSlot,
    values: impl Iterator<Item = Value<'a>>,
    context: pg_sys::MemoryContext,
) {
    // SAFETY: as promised; the context outlives the slot's use of the values.
    unsafe {
        let before = pg_sys::MemoryContextSwitchTo(context);
        let columns = (*(*slot).tts_tupleDescriptor).natts.max(0) as usize;
        let data = core::slice::from_raw_parts_mut((*slot).tts_values, columns);
        let nulls = core::slice::from_raw_parts_mut((*slot).tts_isnull, columns);
        for (field, text) in values {
            match text {
                Some(text) => data[field.index] = field.input.read(text),
                None => field.input.read_null(),
            }
            nulls[field.index] = text.is_none();
        }
        pg_sys::MemoryContextSwitchTo(before);
    }
}

/// Whether all row triggers that fire in a replica call `function`.
///
/// # Safety
/// `relation` must be open.
unsafe fn only_fires(relation: pg_sys::Relation, function: Oid) -> bool {
    // SAFETY: the descriptor holds numtriggers triggers.
    unsafe {
        let Some(description) = (*relation).trigdesc.as_ref() else {
            return true;
        };
        core::slice::from_raw_parts(description.triggers, description.numtriggers as usize)
            .iter()
            .filter(|trigger| matches!(trigger.tgenabled as u8, b'A' | b'R'))
            .all(|trigger| trigger.tgfoid == function)
    }
}
