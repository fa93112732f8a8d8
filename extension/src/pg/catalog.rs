//! What the catalogue says about a table, and being told when that changes.

use crate::pg::{ffi, output::Writer, tuple::Storage};
use core::cell::{Cell, RefCell};
use core::ffi::{CStr, c_int};
use pgrx::pg_sys::{self, Oid};
use std::thread::LocalKey;

/// One live column that travels (generated ones do not).
pub(crate) struct Column {
    /// Index into a row, counted from 0 with the dropped ones.
    pub(crate) index: usize,
    pub(crate) name: String,
    pub(crate) storage: Storage,
    pub(crate) writer: Writer,
    /// Whether it belongs to the replica identity.
    pub(crate) in_key: bool,
    /// Whether it belongs to that or to the primary key: by one of the two a row is found anywhere.
    pub(crate) identifies: bool,
}

/// A table as capture needs to know it.
pub(crate) struct Table {
    /// The table it goes by; for a partition the outermost tracked one it belongs to.
    pub(crate) root: Oid,
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) columns: Vec<Column>,
    /// What its capture trigger was given: the direction, and how its rows are shared out.
    pub(crate) arguments: Vec<String>,
}

thread_local! {
    static GENERATION: Cell<u64> = const { Cell::new(0) };
}

/// Asks to be told when any table or schema changes; called once, when the library is loaded.
pub(crate) fn watch() {
    // SAFETY: the callbacks live as long as the library and only set a flag.
    unsafe {
        pg_sys::CacheRegisterRelcacheCallback(Some(relation_changed), pg_sys::Datum::from(0));
        pg_sys::CacheRegisterSyscacheCallback(
            pg_sys::SysCacheIdentifier::NAMESPACEOID as c_int,
            Some(schema_changed),
            pg_sys::Datum::from(0),
        );
    }
}

/// Something read from the catalogue, dropped when any table or schema has changed since.
#[derive(Default)]
pub(crate) struct Fresh<T> {
    generation: u64,
    value: T,
}

impl<T: Default> Fresh<T> {
    /// What is still true; empty when the catalogue has changed.
    #[inline]
    pub(crate) fn get(&mut self) -> &mut T {
        let generation = GENERATION.get();
        if self.generation != generation {
            *self = Self {
                generation,
                value: T::default(),
            };
        }
        &mut self.value
    }
}

/// What `cell` has, by `kept`, or else what `read` finds. Reading can itself be told of a change: what was read before
/// it is out of date, so it is not kept, and read again.
pub(crate) fn kept_or_read<T: Default, R: Clone>(
    cell: &'static LocalKey<RefCell<Fresh<T>>>,
    kept: impl Fn(&T) -> Option<R>,
    read: impl Fn() -> Option<R>,
    keep: impl Fn(&mut T, R),
) -> Option<R> {
    loop {
        let known = cell.with_borrow_mut(|fresh| kept(fresh.get()));
        if known.is_some() {
            return known;
        }
        let before = GENERATION.get();
        let found = read();
        if GENERATION.get() == before {
            if let Some(found) = &found {
                cell.with_borrow_mut(|fresh| keep(fresh.get(), found.clone()));
            }
            return found;
        }
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn relation_changed(_arg: pg_sys::Datum, _relation: Oid) {
    GENERATION.set(GENERATION.get() + 1);
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn schema_changed(
    _arg: pg_sys::Datum,
    _cache: c_int,
    _hash: pg_sys::uint32,
) {
    GENERATION.set(GENERATION.get() + 1);
}

/// Tells every session, when this transaction commits, to read anew what it knows of that relation.
pub(crate) fn has_changed(relation: Oid) {
    // SAFETY: the id is that of a relation; queued with this transaction's other invalidations.
    unsafe { pg_sys::CacheInvalidateRelcacheByRelid(relation) };
}

/// Locks a table as one that writes rows does, to the end of the (sub)transaction, and hears of changes that were
/// made to it until then.
pub(crate) fn lock_for_writing(relation: Oid) {
    // SAFETY: the id was that of a relation; a lock on one that is gone does no harm.
    unsafe {
        pg_sys::LockRelationOid(relation, pg_sys::RowExclusiveLock as pg_sys::LOCKMODE);
    }
}

/// Locks a table so that no one else reads or writes it, until the end of the transaction.
pub(crate) fn lock_alone(relation: Oid) {
    // SAFETY: as above.
    unsafe {
        pg_sys::LockRelationOid(relation, pg_sys::AccessExclusiveLock as pg_sys::LOCKMODE);
    }
}

/// The same, but without waiting; false where that is not possible now.
pub(crate) fn lock_alone_at_once(relation: Oid) -> bool {
    // SAFETY: as above.
    unsafe {
        pg_sys::ConditionalLockRelationOid(
            relation,
            pg_sys::AccessExclusiveLock as pg_sys::LOCKMODE,
        )
    }
}

/// The table or sequence `name` of our own schema.
pub(crate) fn own_relation(name: &CStr) -> Option<Oid> {
    // SAFETY: catalogue lookups by NUL-terminated names.
    let found = unsafe {
        let schema = pg_sys::get_namespace_oid(c"officesync".as_ptr(), true);
        if schema == pg_sys::InvalidOid {
            return None;
        }
        pg_sys::get_relname_relid(name.as_ptr(), schema)
    };
    (found != pg_sys::InvalidOid).then_some(found)
}

/// Reads how the rows of `relation` are to be written. A partition goes by the name of the
/// outermost partitioned table that has a trigger calling `function` too, because the other
/// offices may be partitioned differently.
pub(crate) fn describe(relation: Oid, function: Oid) -> Table {
    describe_as(relation, tracked_root(relation, function))
}

/// The same where the tracked table is known.
pub(crate) fn describe_as(relation: Oid, root: Oid) -> Table {
    let (schema, name) = name_of(root);
    Table {
        root,
        schema,
        name,
        columns: columns(relation, &key_names(root), &primary_key_names(root)),
        arguments: capture_arguments(root),
    }
}

/// A tracked table as a query shows it that selects the columns that travel, in their order.
pub(crate) fn describe_selected(relation: Oid) -> Table {
    let mut table = describe_as(relation, relation);
    for (place, column) in table.columns.iter_mut().enumerate() {
        column.index = place;
    }
    table
}

/// The arguments of the trigger that captures the rows of a tracked table.
fn capture_arguments(root: Oid) -> Vec<String> {
    with_relation(root, |descriptor| {
        if descriptor.trigdesc.is_null() {
            return Vec::new();
        }
        // SAFETY: the descriptor holds numtriggers triggers, each with tgnargs arguments; names and arguments are
        // NUL-terminated.
        unsafe {
            let description = &*descriptor.trigdesc;
            let count = description.numtriggers as usize;
            let triggers = core::slice::from_raw_parts(description.triggers, count);
            let ours = triggers
                .iter()
                .find(|trigger| CStr::from_ptr(trigger.tgname) == c"00_officesync_capture");
            ours.map_or_else(Vec::new, |trigger| {
                (0..trigger.tgnargs as usize)
                    .map(|nth| text(CStr::from_ptr(*trigger.tgargs.add(nth))))
                    .collect()
            })
        }
    })
}

/// The names of the columns by which a row of `root` is found; all of them when it has no such key.
/// A partition has a replica identity of its own, which does not matter here.
fn key_names(root: Oid) -> Vec<String> {
    with_relation(root, |descriptor| {
        let key = identity_key(descriptor);
        names_where(descriptor, |number| {
            key.as_ref().is_none_or(|key| key.contains(&number))
        })
    })
}

/// The names of the columns of the primary key of `root`; none where it has none, or one that is deferrable.
fn primary_key_names(root: Oid) -> Vec<String> {
    with_relation(root, |descriptor| {
        // SAFETY: the relation is open; the set is ours.
        let key = unsafe {
            column_numbers(pg_sys::RelationGetIndexAttrBitmap(
                core::ptr::from_ref(descriptor).cast_mut(),
                pg_sys::IndexAttrBitmapKind::INDEX_ATTR_BITMAP_PRIMARY_KEY,
            ))
        };
        names_where(descriptor, |number| key.contains(&number))
    })
}

fn names_where(descriptor: &pg_sys::RelationData, chosen: impl Fn(i16) -> bool) -> Vec<String> {
    // SAFETY: an open relation has a valid tuple descriptor.
    let attributes = unsafe { pgrx::PgTupleDesc::from_pg_unchecked(descriptor.rd_att) };
    attributes
        .iter()
        .filter(|attribute| chosen(attribute.attnum))
        .map(|attribute| attribute.name().to_owned())
        .collect()
}

/// The owner of a table.
pub(crate) fn owner_of(relation: Oid) -> Oid {
    // SAFETY: the relation is open.
    with_relation(relation, |descriptor| unsafe {
        (*descriptor.rd_rel).relowner
    })
}

/// The schema and the name of a table.
pub(crate) fn name_of(relation: Oid) -> (String, String) {
    with_relation(relation, |descriptor| {
        // SAFETY: the relation is open; its class form has NUL-terminated names.
        unsafe {
            let class = &*descriptor.rd_rel;
            let schema = pg_sys::get_namespace_name(class.relnamespace);
            (
                text(CStr::from_ptr(schema)),
                text(CStr::from_ptr(class.relname.data.as_ptr())),
            )
        }
    })
}

fn columns(relation: Oid, key: &[String], primary_key: &[String]) -> Vec<Column> {
    with_relation(relation, |descriptor| {
        // SAFETY: an open relation has a valid tuple descriptor.
        let attributes = unsafe { pgrx::PgTupleDesc::from_pg_unchecked(descriptor.rd_att) };
        attributes
            .iter()
            .enumerate()
            .filter(|(_, attribute)| !attribute.attisdropped && attribute.attgenerated == 0)
            .map(|(index, attribute)| Column {
                index,
                name: attribute.name().to_owned(),
                storage: Storage {
                    length: attribute.attlen,
                    by_value: attribute.attbyval,
                },
                writer: Writer::for_type(base_type(attribute.atttypid)),
                in_key: key.iter().any(|name| name == attribute.name()),
                identifies: key
                    .iter()
                    .chain(primary_key)
                    .any(|name| name == attribute.name()),
            })
            .collect()
    })
}

/// Whether `type_id` or what it is made of (elements, bounds, fields) is such a type.
pub(crate) fn type_contains(type_id: Oid, is_such: &dyn Fn(Oid) -> bool) -> bool {
    if is_such(type_id) {
        return true;
    }
    // SAFETY: catalogue lookups, which answer InvalidOid where a type has no such part.
    let (fields, parts) = unsafe {
        let parts = [
            pg_sys::getBaseType(type_id),
            pg_sys::get_element_type(type_id),
            pg_sys::get_range_subtype(type_id),
            #[cfg(not(feature = "pg13"))]
            pg_sys::get_multirange_range(type_id),
        ];
        (pg_sys::get_typ_typrelid(type_id), parts)
    };
    let of_parts = parts
        .into_iter()
        .filter(|part| *part != pg_sys::InvalidOid && *part != type_id)
        .any(|part| type_contains(part, is_such));
    of_parts
        || fields != pg_sys::InvalidOid
            && field_types(fields)
                .iter()
                .any(|field| type_contains(*field, is_such))
}

fn field_types(composite: Oid) -> Vec<Oid> {
    with_relation(composite, |descriptor| {
        // SAFETY: an open relation has a valid tuple descriptor.
        let attributes = unsafe { pgrx::PgTupleDesc::from_pg_unchecked(descriptor.rd_att) };
        attributes
            .iter()
            .filter(|attribute| !attribute.attisdropped)
            .map(|attribute| attribute.atttypid)
            .collect()
    })
}

/// Domains are written like what they are made of.
fn base_type(type_id: Oid) -> Oid {
    // SAFETY: a catalogue lookup.
    unsafe { pg_sys::getBaseType(type_id) }
}

/// The column numbers of the replica identity; `None` when the whole row is the identity.
fn identity_key(descriptor: &pg_sys::RelationData) -> Option<Vec<i16>> {
    // SAFETY: the relation is open; the set is ours.
    unsafe {
        if (*descriptor.rd_rel).relreplident == pg_sys::REPLICA_IDENTITY_FULL as core::ffi::c_char {
            return None;
        }
        let key = column_numbers(pg_sys::RelationGetIdentityKeyBitmap(
            core::ptr::from_ref(descriptor).cast_mut(),
        ));
        (!key.is_empty()).then_some(key)
    }
}

/// The members of a set of column numbers, which is freed.
///
/// # Safety
/// `set` must be null or a set of the caller's own, whose members are shifted by the lowest column number.
unsafe fn column_numbers(set: *mut pg_sys::Bitmapset) -> Vec<i16> {
    let mut numbers = Vec::new();
    let mut member = -1;
    // SAFETY: as promised; null is the empty set.
    unsafe {
        loop {
            member = pg_sys::bms_next_member(set, member);
            if member < 0 {
                break;
            }
            numbers.push((member + pg_sys::FirstLowInvalidHeapAttributeNumber) as i16);
        }
        pg_sys::bms_free(set);
    }
    numbers
}

fn tracked_root(relation: Oid, function: Oid) -> Oid {
    let is_partition = with_relation(relation, |descriptor| {
        // SAFETY: the relation is open.
        unsafe { (*descriptor.rd_rel).relispartition }
    });
    if !is_partition {
        return relation;
    }
    // SAFETY: the list is ours, of Oids, nearest ancestor first.
    let ancestors: Vec<Oid> = unsafe {
        let list = ffi::guarded(|| ffi::get_partition_ancestors(relation));
        let count = if list.is_null() { 0 } else { (*list).length };
        (0..count)
            .map(|nth| pg_sys::list_nth_oid(list, nth))
            .collect()
    };
    ancestors
        .into_iter()
        .rev()
        .find(|ancestor| has_trigger_calling(*ancestor, function))
        .unwrap_or(relation)
}

fn has_trigger_calling(relation: Oid, function: Oid) -> bool {
    with_relation(relation, |descriptor| {
        if descriptor.trigdesc.is_null() {
            return false;
        }
        // SAFETY: the descriptor holds numtriggers triggers.
        let triggers = unsafe {
            let description = &*descriptor.trigdesc;
            core::slice::from_raw_parts(description.triggers, description.numtriggers as usize)
        };
        triggers.iter().any(|trigger| trigger.tgfoid == function)
    })
}

/// Runs `look` on the open relation. Its lock, if it was not held, is kept to the end of the
/// transaction.
fn with_relation<R>(relation: Oid, look: impl FnOnce(&pg_sys::RelationData) -> R) -> R {
    // SAFETY: opened, used and closed here; the lock keeps the descriptor valid.
    unsafe {
        let opened = pg_sys::relation_open(relation, pg_sys::AccessShareLock as pg_sys::LOCKMODE);
        let result = look(&*opened);
        pg_sys::relation_close(opened, pg_sys::NoLock as pg_sys::LOCKMODE);
        result
    }
}

fn text(name: &CStr) -> String {
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        static NUMBER: RefCell<Fresh<Option<u64>>> = RefCell::default();
    }

    /// Tells a catalogue that changes while it is read for the first time.
    #[test]
    fn what_was_read_before_a_change_is_not_kept() {
        let changes = Cell::new(1);
        let catalogue = Cell::new(7);
        let number = || {
            let read = || {
                let found = catalogue.get();
                if changes.replace(0) > 0 {
                    catalogue.set(8);
                    GENERATION.set(GENERATION.get() + 1);
                }
                Some(found)
            };
            kept_or_read(
                &NUMBER,
                |kept| *kept,
                read,
                |kept, found| *kept = Some(found),
            )
        };
        assert_eq!(number(), Some(8), "read again");
        catalogue.set(9);
        assert_eq!(number(), Some(8), "kept");
        GENERATION.set(GENERATION.get() + 1);
        assert_eq!(number(), Some(9), "told of a change");
    }
}
