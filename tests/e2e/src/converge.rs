//! The end of every test: traffic has stopped, nothing is on the way any more, and every table is equal everywhere.

use std::time::Duration;

use crate::company::Company;
use crate::digest::{self, Digest};
use crate::office::Office;
use crate::wait;

/// What the offices hold, table by table.
#[derive(Debug)]
pub struct Census {
    /// Table, then one digest per office in the company's order.
    pub tables: Vec<(String, Vec<Digest>)>,
}

impl Census {
    /// Measures these tables at every office.
    pub async fn take(company: &Company, tables: &[&str]) -> Result<Census, String> {
        let mut census = Vec::new();
        for table in tables {
            let mut digests = Vec::new();
            for office in company.offices() {
                digests.push(digest::of(office, table).await?);
            }
            census.push(((*table).to_owned(), digests));
        }
        Ok(Census { tables: census })
    }

    /// The tables that are not the same everywhere.
    pub fn unequal(&self) -> Vec<&str> {
        let differs = |digests: &[Digest]| digests.windows(2).any(|pair| pair[0] != pair[1]);
        self.tables
            .iter()
            .filter(|(_, digests)| differs(digests))
            .map(|(table, _)| table.as_str())
            .collect()
    }
}

/// Waits until nothing is on the way and all tables are equal; panics with the differences when they stay unequal.
pub async fn wait_equal(company: &Company, tables: &[&str]) -> Census {
    match try_equal(company, tables, wait::RECOVERY).await {
        Ok(census) => census,
        Err(report) => panic!("{report}"),
    }
}

/// The same, with the report as an error.
pub async fn try_equal(
    company: &Company,
    tables: &[&str],
    patience: Duration,
) -> Result<Census, String> {
    let deadline = tokio::time::Instant::now() + patience;
    loop {
        let last = match settled_census(company, tables).await {
            Ok(census) if census.unequal().is_empty() => return Ok(census),
            Ok(census) => format!("unequal: {:?}", census.unequal()),
            Err(why) => why,
        };
        if tokio::time::Instant::now() >= deadline {
            return Err(format!(
                "not equal after {patience:?}: {last}\n{}",
                report(company, tables).await
            ));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn settled_census(company: &Company, tables: &[&str]) -> Result<Census, String> {
    for office in company.offices() {
        nothing_on_the_way(office).await?;
    }
    Census::take(company, tables).await
}

/// Every tick of the office is acknowledged, and nothing waits for a tick.
pub async fn nothing_on_the_way(office: &Office) -> Result<(), String> {
    let rows = office
        .try_rows("SELECT coalesce(last_tick, 0), sent_tick, coalesce(acknowledged_tick, 0) FROM officesync.outbox_position()")
        .await?;
    match rows.first().map(Vec::as_slice) {
        Some([last, _, acknowledged]) if last == acknowledged => {}
        other => {
            return Err(format!(
                "{}: last, sent and acknowledged tick are {other:?}",
                office.name
            ));
        }
    }
    match office.try_value("SELECT officesync.tick()").await?.as_str() {
        "" => Ok(()),
        tick => Err(format!(
            "{}: there was something left for tick {tick}",
            office.name
        )),
    }
}

async fn report(company: &Company, tables: &[&str]) -> String {
    let mut text = String::new();
    if let Ok(census) = Census::take(company, tables).await {
        for (table, digests) in &census.tables {
            for (office, found) in company.offices().iter().zip(digests) {
                text.push_str(&format!(
                    "  {table} at {}: {} rows, {}\n",
                    office.name, found.rows, found.digest
                ));
                if *found != digests[0] {
                    text.push_str(&digest::difference(company.head(), office, table).await);
                }
            }
        }
    }
    for office in company.offices() {
        text.push_str(&office.report().await);
    }
    text
}
