//! At a branch whose rows are all there: indexes and constraints, one after another, beside the lanes.

use std::time::Duration;

use deadpool_postgres::Pool;
use tokio_util::sync::CancellationToken;

use crate::database;
use crate::error::Result;

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// After one that did not work.
const REST: Duration = Duration::from_secs(5);

/// Makes what is to be made, until told to stop.
pub(crate) async fn run(pool: Pool, stop: CancellationToken) {
    let mut left = None;
    let mut told = false;
    while !stop.is_cancelled() {
        let rest = match step(&pool).await {
            Ok(now) => {
                told = false;
                let rest = match now {
                    None => LOOK_EVERY,
                    Some(0) if left != Some(0) => Duration::ZERO,
                    // What is wrong stands in officesync.loads.
                    Some(_) if now == left => REST,
                    Some(_) => Duration::ZERO,
                };
                if let Some(now) = now {
                    tracing::info!(left = now, "indexes and constraints of the joining branch");
                }
                left = now;
                rest
            }
            Err(error) => {
                if !told {
                    told = true;
                    tracing::warn!(%error, "the joining branch's indexes could not be made now; trying again");
                }
                REST
            }
        };
        stop.run_until_cancelled(tokio::time::sleep(rest)).await;
    }
}

async fn step(pool: &Pool) -> Result<Option<i32>> {
    database::load_step(&*pool.get().await?).await
}
