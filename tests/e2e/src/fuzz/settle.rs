//! Waiting until all offices hold the same, or one says that they never will.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::company::Company;
use crate::converge;

/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until nothing is on the way and these tables are equal; fails at once when a lane is halted.
pub async fn settle(company: &Company, tables: &[&str]) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        halted(company).await?;
        let last = match equal(company, tables).await {
            Ok(()) => return Ok(()),
            Err(last) => last,
        };
        // What stays unequal while nothing is on the way stays so.
        let hopeless = last.starts_with("unequal") && quiet(company).await;
        if hopeless || Instant::now() >= deadline {
            return converge::try_equal(company, tables, Duration::ZERO)
                .await
                .map(drop);
        }
        sleep(Duration::from_millis(10)).await;
    }
}

async fn equal(company: &Company, tables: &[&str]) -> Result<(), String> {
    for office in company.offices() {
        converge::nothing_on_the_way(office).await?;
    }
    let census = converge::Census::take(company, tables).await?;
    match census.unequal().as_slice() {
        [] => Ok(()),
        tables => Err(format!("unequal: {tables:?}")),
    }
}

/// Whether nothing moves for a while.
async fn quiet(company: &Company) -> bool {
    for _ in 0..10 {
        sleep(Duration::from_millis(50)).await;
        for office in company.offices() {
            if converge::nothing_on_the_way(office).await.is_err() {
                return false;
            }
        }
    }
    true
}

/// An error with the reason when any office has stopped to apply what comes from another.
async fn halted(company: &Company) -> Result<(), String> {
    for office in company.offices() {
        let lanes = office
            .try_rows("SELECT origin, halted_tick, sqlstate, reason FROM officesync.lanes WHERE state = 'halted'")
            .await?;
        if let Some(lane) = lanes.first() {
            return Err(format!(
                "the lane from {} is halted at {}: {}",
                lane[0],
                office.name,
                lane[1..].join(" ")
            ));
        }
    }
    Ok(())
}
