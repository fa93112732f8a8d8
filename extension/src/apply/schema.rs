//! Schema changes in a tick: only the head may author them.

use super::lines::{self, Checks, Feed};
use crate::ddl::{execute, history};
use crate::office::Role;
use crate::pg::spi::{self, Fixed, Parameter};
use crate::refuse::refuse;
use crate::transaction;
use officesync_wire::decode::{Change, Line};
use pgrx::PgSqlErrorCode;
use pgrx::pg_sys::TEXTOID;
use std::cell::{Cell, RefCell};

thread_local! {
    static TRACK: Fixed = const {
        Fixed::new(
            "SELECT officesync.follow_tracking($1, $2, $3, $4, $5)",
            &[TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID],
        )
    };
    /// Why a branch's tick may not be applied: it brought what no branch may.
    static FORBIDDEN: RefCell<Option<String>> = const { RefCell::new(None) };
    /// Whether labels may be added to enums in the transaction that applies the tick.
    static LABELS_MAY_BE_NEW: Cell<bool> = const { Cell::new(false) };
    static MET_LABEL: Cell<bool> = const { Cell::new(false) };
}

/// Whether that is a change of the schema, or of what is tracked.
pub(crate) fn is_one(change: &Change<'_>) -> bool {
    matches!(change, Change::Ddl(_) | Change::Tracking { .. })
}

/// Does a schema change of `line`; what was written before has to be out of hand. False where none may come
/// from there.
pub(crate) fn apply(checks: &Checks, line: &Line<'_>, change: &Change<'_>) -> bool {
    if checks.role() == Role::Head {
        forbid("it brings a schema change; the schema is authored at the head");
        return false;
    }
    if line.origin_tick.is_some() {
        lines::broken(format!(
            "a schema change came in the name of \"{}\"",
            line.office
        ));
    }
    let tick = transaction::applied_tick();
    match change {
        Change::Ddl(ddl) if !LABELS_MAY_BE_NEW.get() && execute::new_label(ddl) => {
            MET_LABEL.set(true);
            return false;
        }
        Change::Ddl(ddl) => history::noted(Some(tick), || execute::execute(ddl)),
        Change::Tracking {
            schema,
            table,
            direction,
            branch_column,
            branch_path,
        } => history::noted(Some(tick), || {
            execute::end_definitions();
            let [direction, column, path] = [direction, branch_column, branch_path]
                .map(|text| text.as_deref().map_or(Parameter::Null, Parameter::Text));
            let (schema, table) = (Parameter::Text(schema), Parameter::Text(table));
            let parameters = [schema, table, direction, column, path];
            spi::connected(|| TRACK.with(|track| track.statement().run(&parameters)));
        }),
        Change::Rows(_) | Change::Truncate { .. } => {}
    }
    true
}

/// The tick at hand brings what no branch may, for this reason: it is for the quarantine.
pub(crate) fn forbid(reason: &str) {
    FORBIDDEN.set(Some(reason.to_owned()));
}

/// Why the tick tried last may not be applied at all.
pub(super) fn why_forbidden() -> Option<String> {
    FORBIDDEN.take()
}

/// Whether the tick tried last stopped at such a label.
pub(super) fn has_met_label() -> bool {
    MET_LABEL.replace(false)
}

/// No trace is left of a tick that failed.
pub(crate) fn forget() {
    FORBIDDEN.set(None);
    LABELS_MAY_BE_NEW.set(false);
    MET_LABEL.set(false);
}

/// Adds the labels that a tick of the head adds to enums that are here, and nothing else of it: they can be used
/// once this transaction is committed. Whether there were any.
pub(super) fn add_labels(feed: Feed<'_>) -> bool {
    let mut added = false;
    feed(&mut |line| {
        for change in &line.changes {
            if let Change::Ddl(ddl) = change
                && execute::new_label(ddl)
            {
                execute::execute(ddl);
                added = true;
            }
        }
    });
    added
}

/// Runs `work`, in which labels may be added to enums: those of types that the same tick makes.
pub(super) fn with_labels<R>(work: impl FnOnce() -> R) -> R {
    LABELS_MAY_BE_NEW.set(true);
    let result = work();
    LABELS_MAY_BE_NEW.set(false);
    result
}

/// A branch's schema change, met by whoever can't put its tick aside there and then.
pub(crate) fn refuse_branch(office: &str) -> ! {
    forbid("it brings a schema change; the schema is authored at the head");
    refuse(
        PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
        format!("office \"{office}\" sent a schema change"),
        "The schema is authored at the head.",
        "Look at officesync.quarantine.",
    )
}
