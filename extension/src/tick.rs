//! Ticks: the boundaries of batches.
//!
//! A tick is a number and what had committed at that moment. Batch n is what tick n sees of the outbox and tick n-1
//! does not, so nothing is skipped when a transaction commits late and nothing waits for another. The idea is PgQ's.
//! Written without SQL: a relay makes one for each change of a quiet office.

use crate::batch::{self, Batch, Snapshot};
use crate::doorbell;
use crate::drain;
use crate::pg::array::text_array;
use crate::pg::catalog;
use crate::pg::lock::{self, Lock};
use crate::pg::scan;
use crate::pg::settings;
use crate::pg::snapshot;
use crate::pg::spi::{self, Fixed, Parameter};
use crate::pg::table::{self, Cell};
use crate::pg::tuple::Tuple;
use crate::pg::xact;
use pgrx::prelude::*;
use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting};

/// How large a message may become before the next is begun. Well below the broker's limit (128 MB), small enough that a
/// slow link loses little when it breaks.
static PART_BYTES: GucSetting<i32> = GucSetting::<i32>::new(512 * 1024);
/// Transactions of a page, and of a batch that needs none.
const PAGE: usize = 2048;

thread_local! {
    /// The ids of a batch's transactions, in pages by their order.
    static PAGES: Fixed = const {
        Fixed::new(
            "INSERT INTO officesync.tick_page (tick, last_sequence, xids)
             SELECT $1, max(b.sequence), array_agg(b.xid ORDER BY b.sequence)
             FROM (SELECT b.xid, b.sequence, (row_number() OVER (ORDER BY b.sequence) - 1) / $4 AS page
                   FROM officesync.batch($2::pg_snapshot, $3::pg_snapshot) b WHERE b.sequence IS NOT NULL) b
             GROUP BY b.page",
            &[pg_sys::INT8OID, pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::INT8OID],
        )
    };
}

/// Makes the setting known; called once, when the library is loaded.
pub(crate) fn define_setting() {
    GucRegistry::define_int_guc(
        c"officesync.part_bytes",
        c"How large a message of a tick may become before the next is begun.",
        c"A row that is much larger travels in pieces of half of it.",
        &PART_BYTES,
        1000,
        64 * 1024 * 1024,
        GucContext::Suset,
        GucFlags::UNIT_BYTE,
    );
}

/// What became of the wish for a tick.
enum Outcome {
    /// Another session is making one.
    Busy,
    /// Nothing has committed since this one.
    Nothing(i64),
    Made(Made),
}

/// A tick that this transaction has made.
struct Made {
    number: i64,
    previous: i64,
    /// Microseconds since 1970.
    created_us: i64,
    batch: Batch,
}

/// `officesync.tick(known)`: see `sql/functions/tick.sql`.
#[pg_extern(sql = false)]
fn tick(known: Option<i64>) -> Option<i64> {
    match make(false) {
        Outcome::Busy => None,
        Outcome::Nothing(last) => known.filter(|known| last > *known).map(|_| last),
        Outcome::Made(made) => Some(made.number),
    }
}

/// `officesync.next_tick(known, read)`: see `sql/functions/tick.sql`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn next_tick(
    known: i64,
    read: bool,
) -> TableIterator<
    'static,
    (
        name!(tick, i64),
        name!(previous, Option<i64>),
        name!(created_us, Option<i64>),
        name!(encoding, Option<String>),
        name!(changes, Option<i32>),
        name!(body, Option<Vec<u8>>),
    ),
> {
    let made = match make(read) {
        Outcome::Busy => return TableIterator::empty(),
        Outcome::Nothing(last) if last > known => {
            doorbell::wake();
            return TableIterator::once((last, None, None, None, None, None));
        }
        Outcome::Nothing(_) => return TableIterator::empty(),
        Outcome::Made(made) => made,
    };
    doorbell::wake();
    let changes = made.batch.changes;
    let Some(chunks) = made.batch.into_rows() else {
        return TableIterator::once((made.number, None, None, None, None, None));
    };
    let (encoding, body) = drain::whole(&chunks);
    TableIterator::once((
        made.number,
        Some(made.previous),
        Some(made.created_us),
        Some(encoding.as_str().to_owned()),
        Some(changes as i32),
        Some(body),
    ))
}

/// Makes a tick if anything was committed since the last one. `keep`: the bodies too, where they are one part and for
/// all.
fn make(keep: bool) -> Outcome {
    // A lock in memory that no user can take, so that nothing is written when there is nothing new and nobody can be in
    // the way.
    if !lock::own_until_commit(Lock::Tick) {
        return Outcome::Busy;
    }
    let Some(table) = catalog::own_relation(c"tick") else {
        return Outcome::Busy;
    };
    // With REPEATABLE READ both are what the transaction sees, so that a later tick makes this one fail: what a reading
    // shows is the state of its tick.
    let last = |row: &Tuple<'_>| (row.number(0), row.value(2).map(snapshot::text));
    let Some((Some(previous), Some(since))) = scan::last_row(table, last) else {
        return Outcome::Busy;
    };
    let now = snapshot::current();
    let until = snapshot::text(now);
    let (Some(before), Some(present)) = (Snapshot::read(&since), Snapshot::read(&until)) else {
        return Outcome::Nothing(previous);
    };
    let part_bytes = i64::from(PART_BYTES.get());
    let batch = batch::between(&before, &present, keep.then_some((part_bytes, PAGE)));
    let Some((first, last)) = batch.first.zip(batch.last) else {
        return Outcome::Nothing(previous);
    };
    // What it has seen is flushed by its own commit.
    settings::commit_with_waiting();
    let number = previous + 1;
    let created_at = xact::now();
    let targets: Vec<Option<&str>> = batch.targets.iter().map(|name| Some(&name[..])).collect();
    let cells = [
        Cell::Number(number),
        Cell::Number(previous),
        Cell::Built(now),
        Cell::Number(first),
        Cell::Number(last),
        Cell::Number(batch.transactions as i64),
        Cell::Number(batch.changes),
        Cell::Number(batch.bytes),
        Cell::Number(part_bytes),
        Cell::Number(created_at),
        match targets.is_empty() {
            true => Cell::Null,
            false => Cell::Built(text_array(targets.into_iter())),
        },
    ];
    table::insert(table, &cells);
    if batch.transactions > PAGE {
        let parameters = [
            Parameter::Int8(number),
            Parameter::Text(&since),
            Parameter::Text(&until),
            Parameter::Int8(PAGE as i64),
        ];
        settings::scoped(batch::PLANNING, || {
            spi::connected(|| PAGES.with(|pages| pages.statement().run(&parameters)));
        });
    }
    Outcome::Made(Made {
        number,
        previous,
        created_us: created_at + xact::EPOCH_US,
        batch,
    })
}
