//! Reading this office's own log again: the lines of what was committed between two snapshots.

use crate::apply::lines;
use crate::ddl::mapping;
use crate::pg::spi::{self, Fixed, Parameter};
use core::ops::ControlFlow;
use officesync_wire::decode::Line;
use officesync_wire::message::Encoding;
use pgrx::pg_sys::TEXTOID;

/// Rows in the order of the log; by their ids, because an index has those.
macro_rules! rows_since {
    ($more:literal) => {
        concat!(
            "SELECT o.body, o.compressed
             FROM officesync.outbox f JOIN officesync.outbox o ON o.xid = f.xid
             WHERE f.sequence IS NOT NULL AND f.xid >= pg_snapshot_xmin($1::pg_snapshot)
               AND NOT pg_visible_in_snapshot(f.xid, $1::pg_snapshot)",
            $more,
            " ORDER BY f.sequence, o.chunk"
        )
    };
}

thread_local! {
    static SINCE: Fixed = const { Fixed::new(rows_since!(""), &[TEXTOID]) };
    static BETWEEN: Fixed = const {
        Fixed::new(
            rows_since!(
                " AND f.xid < pg_snapshot_xmax($2::pg_snapshot)
                  AND pg_visible_in_snapshot(f.xid, $2::pg_snapshot)"
            ),
            &[TEXTOID, TEXTOID],
        )
    };
}

/// The lines of the transactions that `since` does not see, and `until` does (without it: all that are
/// committed now), until `work` breaks off. The transaction we are in is not among them.
pub(super) fn lines_between(
    since: &str,
    until: Option<&str>,
    mut work: impl FnMut(&Line<'_>) -> ControlFlow<()>,
) {
    let both = [
        Parameter::Text(since),
        Parameter::Text(until.unwrap_or_default()),
    ];
    let (rows, parameters) = match until {
        Some(_) => (&BETWEEN, &both[..]),
        None => (&SINCE, &both[..1]),
    };
    let mapping = mapping::of_own_log();
    spi::connected(|| {
        rows.with(|rows| {
            rows.statement().each(parameters, |rows| {
                for row in 0..rows.len() {
                    let encoding = if rows.is_true(row, 1) {
                        Encoding::Zstd
                    } else {
                        Encoding::Identity
                    };
                    let mut flow = ControlFlow::Continue(());
                    lines::read(
                        encoding,
                        rows.bytes(row, 0).unwrap_or_default(),
                        &mut |line| {
                            if flow.is_continue() {
                                let now = mapping.as_ref().and_then(|all| all.line(line));
                                flow = work(now.as_ref().unwrap_or(line));
                            }
                        },
                    );
                    flow?;
                }
                ControlFlow::Continue(())
            });
        });
    });
}
