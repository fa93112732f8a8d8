//! One session at work: what a transaction of an office looks like, and which of it counts.

use std::sync::atomic::Ordering;

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Statement, Transaction};

use super::Book;
use crate::seed::Seed;

/// One session's statements, its own rows, and its counter line.
pub(super) struct Shift {
    office: String,
    line: String,
    seed: Seed,
    own: Vec<String>,
    insert: Statement,
    update: Statement,
    delete: Statement,
    customer: Statement,
    stock: Statement,
    count: Statement,
}

/// What one transaction did, if it committed.
#[derive(Debug, Default)]
pub(super) struct Done {
    committed: bool,
    inserted: Vec<String>,
    deleted: Vec<String>,
    customers: u64,
    changes: u64,
}

impl Shift {
    pub(super) async fn begin(
        client: &Client,
        office: &str,
        line: &str,
        seed: Seed,
    ) -> Result<Shift, Error> {
        client
            .execute(
                "INSERT INTO counters VALUES ($1, 0) ON CONFLICT DO NOTHING",
                &[&line],
            )
            .await?;
        Ok(Shift {
            office: office.to_owned(),
            line: line.to_owned(),
            seed,
            own: Vec::new(),
            insert: client
                .prepare(
                    "INSERT INTO product_sales (id, date, region, product, quantity, cost, amount, tax, total) \
                     VALUES ($1::text::uuid, current_date, $2, $3, $4, $5::float8, $5::float8 * 1.25, $5::float8 * 0.2, \
                     $5::float8 * 1.45)",
                )
                .await?,
            update: client
                .prepare(
                    "UPDATE product_sales SET quantity = quantity + 1, updated_at = clock_timestamp() \
                     WHERE id = $1::text::uuid",
                )
                .await?,
            delete: client.prepare("DELETE FROM product_sales WHERE id = $1::text::uuid").await?,
            customer: client
                .prepare("INSERT INTO customers (id, office, name) VALUES ($1::text::uuid, $2, $3)")
                .await?,
            stock: client
                .prepare(
                    "INSERT INTO stock VALUES ($1, $2, 1) \
                     ON CONFLICT (office, shelf) DO UPDATE SET quantity = stock.quantity + 1",
                )
                .await?,
            count: client.prepare("UPDATE counters SET value = value + 1 WHERE office = $1").await?,
        })
    }

    /// One transaction of a few statements; now and then with a savepoint rolled back, now and then none of it kept.
    pub(super) async fn transaction(&mut self, client: &mut Client) -> Result<Done, Error> {
        let mut done = Done::default();
        let mut transaction = client.transaction().await?;
        for _ in 0..=self.seed.below(3) {
            self.statement(&transaction, &mut done).await?;
        }
        if self.seed.chance(10) {
            let savepoint = transaction.savepoint("dropped").await?;
            self.statement(&savepoint, &mut Done::default()).await?;
            savepoint.rollback().await?;
        }
        if self.seed.chance(10) {
            let savepoint = transaction.savepoint("kept").await?;
            self.statement(&savepoint, &mut done).await?;
            savepoint.commit().await?;
        }
        transaction.execute(&self.count, &[&self.line]).await?;
        done.changes += 1;
        if self.seed.chance(5) {
            transaction.rollback().await?;
        } else {
            transaction.commit().await?;
            done.committed = true;
        }
        Ok(done)
    }

    /// Writes a committed transaction into the book.
    pub(super) fn enter(&mut self, done: &Done, book: &Book) {
        if !done.committed {
            return;
        }
        self.own.retain(|id| !done.deleted.contains(id));
        self.own.extend(done.inserted.iter().cloned());
        book.transactions.fetch_add(1, Ordering::Relaxed);
        book.inserted
            .fetch_add(done.inserted.len() as u64, Ordering::Relaxed);
        book.deleted
            .fetch_add(done.deleted.len() as u64, Ordering::Relaxed);
        book.customers.fetch_add(done.customers, Ordering::Relaxed);
        book.changes.fetch_add(done.changes, Ordering::Relaxed);
    }

    async fn statement(
        &mut self,
        transaction: &Transaction<'_>,
        done: &mut Done,
    ) -> Result<(), Error> {
        match self.seed.below(10) {
            0..=3 => self.sell(transaction, done).await,
            4..=6 => self.change(transaction, done).await,
            7 => self.withdraw(transaction, done).await,
            8 => {
                let (id, name) = (
                    self.seed.uuid(),
                    format!("customer \"{}\" \\ é", self.seed.below(1000)),
                );
                execute(
                    transaction,
                    &self.customer,
                    &[&id, &self.office, &name],
                    done,
                )
                .await?;
                done.customers += 1;
                Ok(())
            }
            _ => {
                // Each session has shelves of its own, so that sessions do not wait for each other.
                let shelf = self.seed.below(20) as i32;
                execute(transaction, &self.stock, &[&self.line, &shelf], done).await
            }
        }
    }

    async fn sell(&mut self, transaction: &Transaction<'_>, done: &mut Done) -> Result<(), Error> {
        let id = self.seed.uuid();
        let product = format!("product {}", self.seed.below(100));
        let (quantity, cost) = (
            self.seed.below(50) as i32,
            self.seed.below(100_000) as f64 / 7.0,
        );
        execute(
            transaction,
            &self.insert,
            &[&id, &self.office, &product, &quantity, &cost],
            done,
        )
        .await?;
        done.inserted.push(id);
        Ok(())
    }

    async fn change(
        &mut self,
        transaction: &Transaction<'_>,
        done: &mut Done,
    ) -> Result<(), Error> {
        match self.pick(done) {
            Some(id) => execute(transaction, &self.update, &[&id], done).await,
            None => self.sell(transaction, done).await,
        }
    }

    async fn withdraw(
        &mut self,
        transaction: &Transaction<'_>,
        done: &mut Done,
    ) -> Result<(), Error> {
        match self.pick(done) {
            Some(id) => {
                execute(transaction, &self.delete, &[&id], done).await?;
                done.deleted.push(id);
                Ok(())
            }
            None => self.sell(transaction, done).await,
        }
    }

    /// One of the session's own rows that this transaction has not deleted.
    fn pick(&mut self, done: &Done) -> Option<String> {
        if self.own.is_empty() {
            return None;
        }
        let index = self.seed.below(self.own.len() as u64) as usize;
        let id = &self.own[index];
        (!done.deleted.contains(id)).then(|| id.clone())
    }
}

async fn execute(
    transaction: &Transaction<'_>,
    statement: &Statement,
    values: &[&(dyn ToSql + Sync)],
    done: &mut Done,
) -> Result<(), Error> {
    done.changes += transaction.execute(statement, values).await?;
    Ok(())
}
