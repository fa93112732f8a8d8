//! Reading rows of the outbox by their transactions' ids, without SQL.

use crate::pg::catalog;
use crate::pg::scan::{self, Condition};
use crate::pg::tuple::{self, Tuple};
use core::ops::ControlFlow;
use pgrx::pg_sys::{self, Datum};

/// Which transactions.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Transactions {
    One(u64),
    /// From the first to before the second.
    Range(u64, u64),
    /// This one and all with larger ids.
    From(u64),
}

/// A row of the outbox, valid while it is looked at.
pub(crate) struct Logged<'a>(Tuple<'a>);

impl Logged<'_> {
    /// The id of its transaction.
    pub(crate) fn transaction(&self) -> u64 {
        self.0.number(0).unwrap_or_default() as u64
    }

    pub(crate) fn chunk(&self) -> i32 {
        self.0.value(1).map_or(0, |datum| datum.value() as i32)
    }

    /// The transaction's number, on its last chunk.
    pub(crate) fn sequence(&self) -> Option<i64> {
        self.0.number(2)
    }

    pub(crate) fn changes(&self) -> i64 {
        let changes = self.0.value(3);
        changes.map_or(0, |datum| i64::from(datum.value() as i32))
    }

    pub(crate) fn is_compressed(&self) -> bool {
        self.0
            .value(4)
            .is_some_and(|datum| datum.value() as u8 != 0)
    }

    /// How long the body is; it need not be fetched for that.
    pub(crate) fn body_bytes(&self) -> usize {
        self.0
            .unfolded_bytes(core::iter::once(6))
            .saturating_sub(pg_sys::VARHDRSZ)
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        self.0.value(6).map_or_else(Vec::new, bytes)
    }

    /// The only office it is for.
    pub(crate) fn target(&self) -> Option<Vec<u8>> {
        self.0.value(7).map(bytes)
    }
}

/// The bytes of a varlena.
fn bytes(datum: Datum) -> Vec<u8> {
    // SAFETY: the columns asked for are of type bytea or text; a copy that was made of one stored elsewhere is freed.
    unsafe {
        let stored = datum.cast_mut_ptr::<pg_sys::varlena>();
        let whole = pg_sys::pg_detoast_datum_packed(stored);
        let bytes = tuple::plain(Datum::from(whole)).map_or_else(Vec::new, <[u8]>::to_vec);
        if whole != stored {
            pg_sys::pfree(whole.cast());
        }
        bytes
    }
}

/// Shows the committed rows of these transactions, and our own, to `look`, until it breaks off.
pub(crate) fn each(
    transactions: Transactions,
    mut look: impl FnMut(&Logged<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let conditions = transactions.conditions();
    [c"outbox_0", c"outbox_1", c"outbox_2"]
        .into_iter()
        .filter_map(catalog::own_relation)
        .try_for_each(|table| scan::rows_until(table, &conditions, |row| look(&Logged(*row))))
}

impl Transactions {
    /// The only index begins with the ids.
    fn conditions(self) -> Vec<Condition> {
        let condition = |strategy, function, value| Condition {
            strategy,
            function,
            value,
        };
        let equal = |id| condition(pg_sys::BTEqualStrategyNumber, pg_sys::F_XID8EQ, id);
        let at_least = |id| condition(pg_sys::BTGreaterEqualStrategyNumber, pg_sys::F_XID8GE, id);
        let below = |id| condition(pg_sys::BTLessStrategyNumber, pg_sys::F_XID8LT, id);
        match self {
            Self::One(id) => vec![equal(id)],
            Self::Range(from, to) => vec![at_least(from), below(to)],
            Self::From(from) => vec![at_least(from)],
        }
    }
}
