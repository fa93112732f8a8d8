//! Traffic: an office at work in the retail schema, and its own book of what it has committed.
//!
//! Each office writes only rows of its own, so there is nothing to conflict about; the book says exactly how many
//! rows must be found everywhere, and what its counter must read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::company::Company;
use crate::office::{Office, describe};
use crate::seed::Seed;

mod shift;

/// The retail tables.
pub const SCHEMA: &str = include_str!("retail.sql");

/// Their names, for tracking and comparing.
pub const TABLES: [&str; 5] = [
    "products",
    "customers",
    "stock",
    "product_sales",
    "counters",
];

/// What an office has committed so far.
#[derive(Debug, Default)]
pub struct Book {
    /// Transactions.
    pub transactions: AtomicU64,
    /// Rows put into `product_sales`.
    pub inserted: AtomicU64,
    /// Rows taken out of it.
    pub deleted: AtomicU64,
    /// Rows put into `customers`.
    pub customers: AtomicU64,
    /// Changes of any kind, to any table.
    pub changes: AtomicU64,
}

impl Book {
    /// A number of the book.
    pub fn read(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }
}

/// An office's traffic, until it is stopped.
#[derive(Debug)]
pub struct Traffic {
    /// The office that works.
    pub office: String,
    /// What it has committed.
    pub book: Arc<Book>,
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Result<(), String>>>,
}

impl Traffic {
    /// Lets `clients` sessions work at the office. With `pause` each rests that long between two transactions.
    pub async fn start(office: &Office, seed: &Seed, clients: usize, pause: Duration) -> Traffic {
        let book = Arc::new(Book::default());
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = Vec::new();
        for number in 0..clients {
            let session = office.connect().await;
            let seed = seed.branch(&format!("{}/{number}", office.name));
            // A line of the counter table for each session: two would only wait for each other.
            let line = format!("{}/{number}", office.name);
            let (book, stop) = (Arc::clone(&book), Arc::clone(&stop));
            tasks.push(tokio::spawn(work(
                session,
                office.name.clone(),
                line,
                seed,
                pause,
                book,
                stop,
            )));
        }
        Traffic {
            office: office.name.clone(),
            book,
            stop,
            clients: tasks,
        }
    }

    /// Waits until so many more transactions are committed; panics when the traffic ended instead.
    pub async fn more(&self, transactions: u64) {
        let goal = Book::read(&self.book.transactions) + transactions;
        let what = format!("{transactions} transactions at {}", self.office);
        crate::wait::until(&what, crate::wait::RECOVERY, || async {
            let done = Book::read(&self.book.transactions);
            if done >= goal {
                Ok(())
            } else {
                Err(format!("{} to go", goal - done))
            }
        })
        .await;
    }

    /// Ends the work after the transactions in hand; panics when any business write failed.
    pub async fn stop(self) -> Arc<Book> {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            let ended = client.await.expect("the traffic did not panic");
            ended.unwrap_or_else(|error| {
                panic!("a business write failed at {}: {error}", self.office)
            });
        }
        self.book
    }
}

/// Starts traffic at every office of a company.
pub async fn start_everywhere(
    company: &Company,
    seed: &Seed,
    clients: usize,
    pause: Duration,
) -> Vec<Traffic> {
    let mut all = Vec::new();
    for office in company.offices() {
        all.push(Traffic::start(office, seed, clients, pause).await);
    }
    all
}

/// Stops all and gives their books, by office.
pub async fn stop_all(traffic: Vec<Traffic>) -> Vec<(String, Arc<Book>)> {
    let mut books = Vec::new();
    for office in traffic {
        let name = office.office.clone();
        books.push((name, office.stop().await));
    }
    books
}

/// Whether `at` holds exactly what the books of all offices say; the error names what is missing or too much.
pub async fn audit(at: &Office, books: &[(String, Arc<Book>)]) -> Result<(), String> {
    for (office, book) in books {
        let sales = Book::read(&book.inserted) - Book::read(&book.deleted);
        let checks = [
            (
                "sales",
                format!("SELECT count(*) FROM product_sales WHERE region = '{office}'"),
                sales,
            ),
            (
                "customers",
                format!("SELECT count(*) FROM customers WHERE office = '{office}'"),
                Book::read(&book.customers),
            ),
            (
                "transactions",
                format!(
                    "SELECT coalesce(sum(value), 0) FROM counters WHERE office LIKE '{office}/%'"
                ),
                Book::read(&book.transactions),
            ),
        ];
        for (what, sql, expected) in checks {
            let found = at.try_value(&sql).await?;
            if found != expected.to_string() {
                return Err(format!(
                    "{what} of {office} at {}: {found} found, {expected} committed",
                    at.name
                ));
            }
        }
    }
    Ok(())
}

async fn work(
    mut session: Client,
    office: String,
    line: String,
    seed: Seed,
    pause: Duration,
    book: Arc<Book>,
    stop: Arc<AtomicBool>,
) -> Result<(), String> {
    let mut shift = shift::Shift::begin(&session, &office, &line, seed)
        .await
        .map_err(describe)?;
    while !stop.load(Ordering::Relaxed) {
        let done = shift.transaction(&mut session).await.map_err(describe)?;
        shift.enter(&done, &book);
        if pause.is_zero() {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(pause).await;
        }
    }
    Ok(())
}
