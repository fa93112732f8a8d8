//! The queues of the branches (head only): the alarm for one that is gone, and the end of one that has left.
//!
//! A message for everybody is confirmed as soon as *one* queue took it, so a missing queue hides behind
//! the others. Once a minute each known branch's queue is asked for. What it missed is sent again when
//! the branch connects.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::Pool;

use crate::broker::connect::Link;
use crate::broker::topology::{delete_queue, queue_exists};
use crate::database;
use crate::error::Result;
use crate::message::branch_queue;

const EVERY: Duration = Duration::from_secs(60);

/// The branches whose queue was found missing, and when to look again.
#[derive(Debug, Default)]
pub(super) struct BranchQueues {
    looked_at: Option<Instant>,
    missing: Arc<Mutex<BTreeSet<String>>>,
}

impl BranchQueues {
    pub(super) fn due(&self, now: Instant) -> Instant {
        self.looked_at.map_or(now + EVERY, |at| at + EVERY)
    }

    /// A branch may have left: looks at the next opportunity.
    pub(super) fn look_soon(&mut self) {
        if let Some(at) = &mut self.looked_at {
            *at = at.checked_sub(EVERY).unwrap_or(*at);
        }
    }

    /// Looks, if it is time, in a task of its own.
    pub(super) fn look(&mut self, now: Instant, link: Arc<Link>, pool: Pool) {
        if self.looked_at.is_some_and(|at| now < at + EVERY) {
            return;
        }
        self.looked_at = Some(now);
        let missing = Arc::clone(&self.missing);
        tokio::spawn(async move {
            if let Err(error) = look(&link, &pool, &missing).await {
                tracing::warn!(%error, "the branches' queues could not be looked at");
            }
        });
    }
}

async fn look(link: &Link, pool: &Pool, missing: &Mutex<BTreeSet<String>>) -> Result<()> {
    let client = pool.get().await?;
    for gone in database::queues_to_delete(&client).await? {
        delete_queue(&link.connection, &branch_queue(&gone)).await?;
        database::queue_deleted(&client, &gone).await?;
        tracing::info!(branch = gone, "a branch has left; its queue is deleted");
    }
    let known = database::inbox_position(&client).await?;
    drop(client);
    for branch in known {
        let exists = queue_exists(&link.connection, &branch_queue(&branch.origin)).await?;
        let mut missing = missing.lock().unwrap_or_else(PoisonError::into_inner);
        if exists {
            if missing.remove(&branch.origin) {
                tracing::info!(branch = branch.origin, "the branch's queue is back");
            }
        } else if missing.insert(branch.origin.clone()) {
            tracing::error!(
                branch = branch.origin,
                queue = branch_queue(&branch.origin),
                "a branch's queue is missing; it comes back, and is filled again, when the \
                 branch's relay connects"
            );
        }
    }
    Ok(())
}
