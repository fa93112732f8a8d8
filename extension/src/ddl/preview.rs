//! What a statement would do, without running it: for `officesync.preview_ddl()`.

use super::execute;
use crate::pg::parse;
use pgrx::prelude::*;

type Steps = TableIterator<
    'static,
    (
        name!(kind, String),
        name!(tracked, Option<pg_sys::Oid>),
        name!(action, String),
        name!(column_name, Option<String>),
        name!(new_type, Option<pg_sys::Oid>),
        name!(modifier, i32),
        name!(computed, bool),
    ),
>;

/// `officesync.ddl_steps(statement, search_path)`; see `sql/functions/ddl/preview_ddl.sql`.
#[pg_extern(sql = false)]
fn ddl_steps(statement: &str, search_path: &str) -> Steps {
    let (kinds, tracked, steps) = execute::under(search_path, || {
        let Ok(parsed) = parse::one(statement) else {
            pgrx::error!("preview_ddl() looks at one statement at a time");
        };
        let subjects = parsed.objects().into_iter().filter_map(execute::subject);
        let tracked: Vec<pg_sys::Oid> = subjects.filter_map(|subject| subject.tracked).collect();
        (parsed.kinds(), tracked.first().copied(), parsed.steps())
    });
    let kind = kinds.first().map_or("", |kind| kind.name()).to_owned();
    let rows = steps.into_iter().map(move |step| {
        let (new_type, modifier) = step
            .new_type
            .map_or((None, -1), |(id, modifier)| (Some(id), modifier));
        let kind = step
            .kind
            .map_or(kind.clone(), |kind| kind.name().to_owned());
        (
            kind,
            tracked,
            step.action.to_owned(),
            step.column,
            new_type,
            modifier,
            step.computed,
        )
    });
    TableIterator::new(rows.collect::<Vec<_>>())
}
