//! Every SQL statement of the relay, as constants, and one typed function for each.
//!
//! Invariant: one call is one statement is one transaction; what an `Err` reports did not happen, or
//! (connection lost during COMMIT) can be asked again without harm.

mod control;
mod inbox;
mod load;
mod outbox;
mod reading;
mod report;
mod session;

use deadpool_postgres::{ClientWrapper, Manager, ManagerConfig, Pool, RecyclingMethod};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use crate::config::Config;
use crate::error::{Error, Result};

pub(crate) use control::*;
pub(crate) use inbox::*;
pub(crate) use load::*;
pub(crate) use outbox::*;
pub(crate) use reading::*;
pub(crate) use report::*;
pub(crate) use session::*;

const EXECUTABLE: &str = "SELECT to_regprocedure($1) IS NOT NULL, \
     coalesce(has_function_privilege(to_regprocedure($1), 'EXECUTE'), false)";

/// The functions the relay calls, for `check`.
pub(crate) const FUNCTIONS: &[&str] = &[
    "officesync.relay_start(text)",
    "officesync.try_lead()",
    "officesync.next_tick(bigint,boolean)",
    "officesync.doze()",
    "officesync.wake()",
    "officesync.outbox_position()",
    "officesync.ticks_after(bigint,integer)",
    "officesync.drain(bigint,bigint,integer,integer,text)",
    "officesync.recipients(bigint,text[])",
    "officesync.settle(bigint)",
    "officesync.apply(text,text,bigint,bigint,integer,boolean,bigint,bigint,text,text,text,bytea,boolean)",
    "officesync.apply_staged(text)",
    "officesync.flush()",
    "officesync.staged_lanes()",
    "officesync.halt_lane(text,bigint,text,text)",
    "officesync.receive_hello(text,text,text,bigint,text,text,text)",
    "officesync.receive_welcome(text,text,bigint,bigint,text,text,integer,boolean)",
    "officesync.receive_position(text,text,text,bigint,text)",
    "officesync.require_sender(text,text,text)",
    "officesync.inbox_position()",
    "officesync.prune()",
    "officesync.check(text)",
    "officesync.tell_tables(text,text,text,text)",
    "officesync.held_tables(text)",
    "officesync.receive_tables(text,text,text,text,text,text[])",
    "officesync.status()",
    "officesync.peek(integer,boolean)",
    "officesync.join()",
    "officesync.load_answers()",
    "officesync.load_state()",
    "officesync.load_step()",
    "officesync.load_progress()",
    "officesync.read_next(text[])",
    "officesync.want_again(bigint[])",
    "officesync.await_answers()",
    "officesync.take_reading(text,text,bigint,text,bigint,text,text,bytea)",
    "officesync.receive_answer(text,text,text,bigint,bigint,text,jsonb)",
    "officesync.verify(text,text,text,interval)",
    "officesync.verify_report(bigint[])",
    "officesync.paused()",
    "officesync.verify_in_background(interval,interval)",
    "officesync.queues_to_delete()",
    "officesync.queue_deleted(text)",
];

/// A connection with its cache of prepared statements.
pub(crate) type Client = ClientWrapper;

/// The pool the applying lanes and the settling of ticks share.
pub(crate) fn pool(config: &Config) -> Result<Pool> {
    let manager = Manager::from_config(
        config.database.parameters()?,
        crate::tls::for_database(&config.database.tls)?,
        ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        },
    );
    // One for each lane at work, one to flush with, one to settle and drain with, one for control messages,
    // one to check with, one for /metrics.
    Pool::builder(manager)
        .max_size(config.apply_concurrency + 5)
        .build()
        .map_err(|error| Error::Pool(error.to_string()))
}

type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

async fn prepared(client: &Client, sql: &str) -> Result<Statement> {
    Ok(client.prepare_cached(sql).await?)
}

async fn one(client: &Client, sql: &str, parameters: Parameters<'_>) -> Result<Row> {
    let statement = prepared(client, sql).await?;
    Ok(client.query_one(&statement, parameters).await?)
}

async fn many(client: &Client, sql: &str, parameters: Parameters<'_>) -> Result<Vec<Row>> {
    let statement = prepared(client, sql).await?;
    Ok(client.query(&statement, parameters).await?)
}

/// Whether a function exists, and whether this role may execute it.
pub(crate) async fn executable(client: &Client, function: &str) -> Result<(bool, bool)> {
    let row = one(client, EXECUTABLE, &[&function]).await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}
