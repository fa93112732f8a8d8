//! What a statement would do, without running it: for `officesync.preview_ddl()`.

use super::execute;
use crate::pg::parse::{self, Step};
use crate::pg::spi::{self, Fixed, Parameter};
use pgrx::pg_sys::TEXTOID;
use pgrx::prelude::*;

thread_local! {
    static NAMED: Fixed = const {
        Fixed::new(
            "SELECT DISTINCT format('%I.%I', n.nspname, p.proname)
             FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
             WHERE p.proname = $2 AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'officesync')
               AND CASE WHEN $1 IS NULL THEN pg_catalog.pg_function_is_visible(p.oid) ELSE n.nspname = $1 END",
            &[TEXTOID, TEXTOID],
        )
    };
}

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
        name!(functions, Vec<String>),
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
        let steps = parsed.steps().into_iter();
        let steps: Vec<(Step, Vec<String>)> = steps
            .map(|step| {
                let functions = our_own(&step.functions);
                (step, functions)
            })
            .collect();
        (parsed.kinds(), tracked.first().copied(), steps)
    });
    let kind = kinds.first().map_or("", |kind| kind.name()).to_owned();
    let rows = steps.into_iter().map(move |(step, functions)| {
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
            functions,
        )
    });
    TableIterator::new(rows.collect::<Vec<_>>())
}

/// Those that are here and do not come with PostgreSQL, as `schema.name`.
fn our_own(written: &[(Option<String>, String)]) -> Vec<String> {
    let named = |(schema, name): &(Option<String>, String)| {
        let schema = schema.as_deref().map_or(Parameter::Null, Parameter::Text);
        let rows = spi::connected(|| {
            let parameters = [schema, Parameter::Text(name)];
            NAMED.with(|named| named.statement().rows(&parameters, 0))
        });
        (0..rows.len())
            .filter_map(|row| rows.text(row, 0).map(str::to_owned))
            .collect::<Vec<_>>()
    };
    written.iter().flat_map(named).collect()
}
