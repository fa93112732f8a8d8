//! Runs `officesync.check()` while the relay works, and logs what comes and what goes.
//!
//! Invariant: a finding is logged once when it appears and once when it is gone; nothing here stops the
//! relay or holds anything up.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deadpool_postgres::Pool;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::database::{self, Finding};
use crate::error::Result;
use crate::stats::Stats;

const EVERY: Duration = Duration::from_secs(60);
/// So long after a reason to look again; several reasons at once are one look.
const SETTLE: Duration = Duration::from_secs(1);
/// More findings than this are not looked at, and not remembered.
const MAX_FINDINGS: i64 = 1_000;
/// So many are logged of one look.
const MAX_LINES: usize = 50;

/// What was found at the last look, by whichever session of this process.
pub(crate) type Known = Arc<Mutex<BTreeSet<Finding>>>;

/// The watch over one database.
pub(crate) struct Watch {
    pool: Pool,
    /// Told when there is a reason to look before the minute is over.
    recheck: Arc<Notify>,
    stats: Arc<Stats>,
    known: Known,
    told_trouble: Option<String>,
}

/// What one look brought.
#[derive(Debug, PartialEq, Eq)]
struct Changes<'a> {
    new: Vec<&'a Finding>,
    gone: Vec<&'a Finding>,
}

impl Watch {
    pub(crate) fn new(pool: Pool, recheck: Arc<Notify>, stats: Arc<Stats>, known: Known) -> Self {
        Self {
            pool,
            recheck,
            stats,
            known,
            told_trouble: None,
        }
    }

    /// Looks at once, every minute and whenever asked, until told to stop.
    pub(crate) async fn run(mut self, stop: &CancellationToken) {
        while stop.run_until_cancelled(self.look()).await.is_some() {
            let recheck = Arc::clone(&self.recheck);
            let rest = async {
                if tokio::time::timeout(EVERY, recheck.notified())
                    .await
                    .is_ok()
                {
                    tokio::time::sleep(SETTLE).await;
                }
            };
            if stop.run_until_cancelled(rest).await.is_none() {
                return;
            }
        }
    }

    async fn look(&mut self) {
        let trouble = match self.check().await {
            Ok(found) => {
                self.take(found);
                None
            }
            Err(error) => Some(error.to_string()),
        };
        if let Some(error) = &trouble
            && self.told_trouble != trouble
        {
            tracing::warn!(error, "officesync.check() could not be run; trying again");
        }
        self.told_trouble = trouble;
    }

    async fn check(&self) -> Result<BTreeSet<Finding>> {
        let client = self.pool.get().await?;
        let found = database::check(&client, MAX_FINDINGS).await?;
        Ok(found.into_iter().collect())
    }

    fn take(&mut self, found: BTreeSet<Finding>) {
        let errors = found.iter().filter(|finding| finding.is_error()).count();
        self.stats.found_errors.store(count(errors), Relaxed);
        self.stats
            .found_warnings
            .store(count(found.len() - errors), Relaxed);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        tell(&compare(&known, &found));
        *known = found;
    }
}

impl Finding {
    fn is_error(&self) -> bool {
        self.severity.eq_ignore_ascii_case("error")
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Past the bound nobody knows what has gone and what was only cut off.
fn compare<'a>(known: &'a BTreeSet<Finding>, found: &'a BTreeSet<Finding>) -> Changes<'a> {
    let complete = count(found.len()) < MAX_FINDINGS.unsigned_abs();
    Changes {
        new: found.difference(known).collect(),
        gone: if complete {
            known.difference(found).collect()
        } else {
            Vec::new()
        },
    }
}

fn tell(changes: &Changes<'_>) {
    for finding in changes.new.iter().take(MAX_LINES) {
        let (object, remedy) = (finding.object.as_deref(), finding.remedy.as_deref());
        let problem = &finding.problem;
        if finding.is_error() {
            tracing::error!(
                object,
                problem,
                remedy,
                "officesync.check() finds a problem"
            );
        } else {
            tracing::warn!(
                object,
                problem,
                remedy,
                "officesync.check() finds a problem"
            );
        }
    }
    for finding in changes.gone.iter().take(MAX_LINES) {
        let (object, problem) = (finding.object.as_deref(), &finding.problem);
        tracing::info!(object, problem, "a problem is gone");
    }
    let more = |number: usize| number.saturating_sub(MAX_LINES);
    let (new, gone) = (more(changes.new.len()), more(changes.gone.len()));
    if new + gone > 0 {
        tracing::warn!(new, gone, "there is more: SELECT * FROM officesync.check()");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(problem: usize) -> Finding {
        Finding {
            severity: "error".into(),
            object: Some("public.orders".into()),
            problem: problem.to_string(),
            remedy: None,
        }
    }

    #[test]
    fn each_finding_comes_and_goes_once() {
        let [none, one, other]: [BTreeSet<_>; 3] =
            [[].into(), [finding(1)].into(), [finding(2)].into()];
        assert_eq!(compare(&none, &one).new, [&finding(1)]);
        assert_eq!(compare(&one, &one).new, [] as [&Finding; 0]);
        let changes = compare(&one, &other);
        assert_eq!(changes.new, [&finding(2)]);
        assert_eq!(changes.gone, [&finding(1)]);
    }

    #[test]
    fn what_was_cut_off_is_not_gone() {
        let many: BTreeSet<Finding> = (0..1_000).map(finding).collect();
        assert_eq!(
            compare(&[finding(5_000)].into(), &many).gone,
            [] as [&Finding; 0]
        );
    }
}
