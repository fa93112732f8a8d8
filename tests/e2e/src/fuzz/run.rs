//! One seed from its schema to its removal.

use super::journal::Journal;
use super::pen::Pen;
use super::schema::{OFFICES, Schema};
use super::settle::settle;
use super::writer::Writer;
use super::{kind, table::Table};
use crate::broker::Broker;
use crate::company::Company;
use crate::seed::Seed;

/// What came of a seed.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    /// Statements that succeeded.
    pub succeeded: u64,
    /// Statements that failed, as random ones do.
    pub failed: u64,
}

/// A company for all seeds, with the types they use.
pub async fn company() -> Company {
    let mut company = Company::open_on(Broker::shared().await, OFFICES - 1).await;
    company.found(kind::TYPES, &[]).await;
    company
}

/// Runs the seed of this number; the error tells all that is needed to do it again.
pub async fn seed(company: &Company, number: u64) -> Result<Tally, String> {
    let mut seed = Seed::numbered(number).branch("schema");
    let schema = Schema::random(&format!("fuzz_{number}"), &mut seed);
    let journal = Journal::default();
    match rounds(company, &schema, number, &journal).await {
        Ok(()) => {
            let (succeeded, failed) = journal.tally();
            Ok(Tally { succeeded, failed })
        }
        Err(why) => Err(failure(&schema, number, &journal, &why)),
    }
}

async fn rounds(
    company: &Company,
    schema: &Schema,
    number: u64,
    journal: &Journal,
) -> Result<(), String> {
    let made = company
        .offices()
        .iter()
        .enumerate()
        .map(|(nth, office)| async move {
            let sql = format!(
                "SET search_path = public; {}{}",
                schema.definition(nth),
                schema.track()
            );
            office
                .try_run(&sql)
                .await
                .map_err(|error| format!("the schema at {}: {error}\n{sql}", office.name))
        });
    futures_util::future::try_join_all(made).await?;
    let names: Vec<String> = schema.tables.iter().map(Table::quoted).collect();
    let tables: Vec<&str> = names.iter().map(String::as_str).collect();

    let mut writers = Vec::new();
    for office in company.offices() {
        writers.push(Writer::open(office, journal).await?);
    }
    let mut seed = Seed::numbered(number).branch("rounds");
    for round in 0..4 {
        // Two at once in every second round, each at its own rows.
        let alone = round % 2 == 0;
        let first = seed.below(OFFICES as u64) as usize;
        let second = (first + 1 + seed.below(OFFICES as u64 - 1) as usize) % OFFICES;
        let pen = |office: usize| Pen {
            schema,
            office,
            alone,
            seed: Seed::numbered(number).branch(&format!("round {round} at {office}")),
        };
        journal.note("--", &format!("round {round}"));
        if alone {
            writers[first].work(&mut pen(first), 7).await?;
        } else {
            let (mut one, mut other) = (pen(first), pen(second));
            let both = futures_util::future::join(
                writers[first].work(&mut one, 6),
                writers[second].work(&mut other, 6),
            );
            let (here, there) = both.await;
            here.and(there)?;
        }
        settle(company, &tables).await?;
    }

    let removal = schema.removal();
    for office in company.offices() {
        office
            .try_run(&removal)
            .await
            .map_err(|error| format!("the end at {}: {error}\n{removal}", office.name))?;
    }
    Ok(())
}

fn failure(schema: &Schema, number: u64, journal: &Journal, why: &str) -> String {
    let mut text = format!("OFFICESYNC_SEED={number} fails: {why}\n");
    let head = schema.definition(0);
    text.push_str(&format!("-- the schema at the head\n{head}"));
    for office in 1..OFFICES {
        let there = schema.definition(office);
        let other: Vec<&str> = there.lines().filter(|line| !head.contains(line)).collect();
        if !other.is_empty() {
            text.push_str(&format!(
                "-- at branch{office} other than that\n{}\n",
                other.join("\n")
            ));
        }
    }
    let all = journal.keep(&schema.name);
    text.push_str(&format!(
        "-- the last statements (all: {all})\n{}\n-- again: OFFICESYNC_SEED={number}",
        journal.tail()
    ));
    text
}
