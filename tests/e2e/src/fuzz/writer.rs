//! A session at an office that carries transactions out.

use futures_util::SinkExt;
use std::io::Cursor;
use tokio_postgres::Client;

use super::journal::Journal;
use super::pen::Pen;
use super::statement::Statement;
use super::transaction::{End, Step, Transaction};
use crate::office::{Office, describe};

/// A session.
pub(super) struct Writer<'a> {
    office: &'a Office,
    client: Client,
    journal: &'a Journal,
}

impl<'a> Writer<'a> {
    /// A new session at the office.
    pub(super) async fn open(
        office: &'a Office,
        journal: &'a Journal,
    ) -> Result<Writer<'a>, String> {
        let client = office.connect().await;
        // Whatever waits that long waits for ever.
        client
            .batch_execute("SET statement_timeout = '20s'")
            .await
            .map_err(describe)?;
        Ok(Writer {
            office,
            client,
            journal,
        })
    }

    /// Carries out so many transactions. An error is one that no random statement explains.
    pub(super) async fn work(&self, pen: &mut Pen<'_>, transactions: u64) -> Result<(), String> {
        for _ in 0..transactions {
            self.carry_out(&Transaction::random(pen)).await?;
        }
        Ok(())
    }

    async fn carry_out(&self, transaction: &Transaction) -> Result<(), String> {
        if !transaction.settings.is_empty() {
            self.must(&transaction.settings).await?;
        }
        if transaction.end == End::Single {
            for step in &transaction.steps {
                if let Step::Try(statement) = step {
                    let outcome = self.run(statement).await;
                    self.journal
                        .enter(&self.office.name, &shown(statement), &outcome);
                }
            }
            return Ok(());
        }
        self.must(transaction.begin).await?;
        for step in &transaction.steps {
            match step {
                Step::Do(sql) => self.must(sql).await?,
                Step::Try(statement) => self.attempt(statement).await?,
            }
        }
        self.end(transaction.end).await
    }

    /// Runs a statement in a savepoint, and undoes what it did when it fails.
    async fn attempt(&self, statement: &Statement) -> Result<(), String> {
        self.quietly("SAVEPOINT attempt").await?;
        let outcome = self.run(statement).await;
        self.journal
            .enter(&self.office.name, &shown(statement), &outcome);
        if outcome.is_err() {
            self.quietly("ROLLBACK TO attempt").await?;
        }
        self.quietly("RELEASE attempt").await
    }

    async fn end(&self, end: End) -> Result<(), String> {
        // What a deferred constraint refuses, it refuses here, and nothing of the transaction stays.
        let last = match end {
            End::Single | End::Commit => "COMMIT",
            End::Rollback => "ROLLBACK",
            End::PreparedCommit | End::PreparedRollback => "PREPARE TRANSACTION 'fuzz'",
        };
        let outcome = self.client.batch_execute(last).await.map_err(describe);
        self.journal.enter(&self.office.name, last, &outcome);
        match (outcome, end) {
            (Ok(()), End::PreparedCommit) => self.must("COMMIT PREPARED 'fuzz'").await,
            (Ok(()), End::PreparedRollback) => self.must("ROLLBACK PREPARED 'fuzz'").await,
            _ => Ok(()),
        }
    }

    async fn run(&self, statement: &Statement) -> Result<(), String> {
        let Some(input) = &statement.input else {
            return self
                .client
                .batch_execute(&statement.sql)
                .await
                .map_err(describe);
        };
        let sink = self
            .client
            .copy_in(&statement.sql)
            .await
            .map_err(describe)?;
        let mut sink = std::pin::pin!(sink);
        sink.send(Cursor::new(input.clone().into_bytes()))
            .await
            .map_err(describe)?;
        sink.finish().await.map(drop).map_err(describe)
    }

    async fn must(&self, sql: &str) -> Result<(), String> {
        self.journal.note(&self.office.name, sql);
        self.quietly(sql).await
    }

    async fn quietly(&self, sql: &str) -> Result<(), String> {
        let outcome = self.client.batch_execute(sql).await.map_err(describe);
        outcome.map_err(|error| format!("{}: {sql}: {error}", self.office.name))
    }
}

fn shown(statement: &Statement) -> String {
    match &statement.input {
        None => statement.sql.clone(),
        Some(input) => format!("{}\n{input}\\.", statement.sql),
    }
}
