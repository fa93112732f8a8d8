//! What became of tables and columns: renamed, dropped, of another type (`officesync.schema_history`).

use crate::pg::array::text_array;
use crate::pg::spi::{self, Fixed, Parameter};
use pgrx::pg_sys::{INT8OID, TEXTARRAYOID, TEXTOID};

thread_local! {
    static SHAPES: Fixed = const { Fixed::new("SELECT officesync.table_shapes()::text", &[]) };
    static RECORD: Fixed = const {
        Fixed::new(
            "SELECT officesync.record_shapes($1::jsonb, $2, $3)",
            &[TEXTOID, INT8OID, TEXTARRAYOID],
        )
    };
}

/// Runs `work` and records what it did to tracked tables; `tick`: that of the head which brought it.
pub(crate) fn noted<R>(tick: Option<i64>, work: impl FnOnce() -> R) -> R {
    let before = shapes();
    let result = work();
    record(&before, tick, &[]);
    result
}

/// The tracked tables as they are now.
pub(crate) fn shapes() -> String {
    spi::connected(|| {
        let rows = SHAPES.with(|shapes| shapes.statement().rows(&[], 1));
        rows.text(0, 0).unwrap_or("[]").to_owned()
    })
}

/// Records how the tracked tables differ from `before`; `computed`: columns that an expression gave new values.
pub(crate) fn record(before: &str, tick: Option<i64>, computed: &[String]) {
    let tick = tick.map_or(Parameter::Null, Parameter::Int8);
    spi::connected(|| {
        let computed = text_array(computed.iter().map(|name| Some(name.as_str())));
        let parameters = [Parameter::Text(before), tick, Parameter::Built(computed)];
        RECORD.with(|record| record.statement().run(&parameters))
    });
}
