//! How far an office is behind: the age of the oldest transaction another office has committed and this one has not.

use std::collections::VecDeque;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use officesync_e2e::office::Office;
use officesync_e2e::workload::{Book, Traffic};
use tokio::task::JoinHandle;

/// For each office, when its book first held how many transactions.
type History = Vec<(String, VecDeque<(Instant, u64)>)>;

/// Watches the books of all offices.
pub(crate) struct Meter {
    history: Arc<Mutex<History>>,
    watching: JoinHandle<()>,
}

impl Meter {
    pub(crate) fn start(traffic: &[Traffic]) -> Meter {
        let books: Vec<Arc<Book>> = traffic
            .iter()
            .map(|office| Arc::clone(&office.book))
            .collect();
        let names = traffic
            .iter()
            .map(|office| (office.office.clone(), VecDeque::new()));
        let history = Arc::new(Mutex::new(names.collect::<History>()));
        let watched = Arc::clone(&history);
        let watching = tokio::spawn(async move {
            loop {
                let now = Instant::now();
                for (book, (_, seen)) in books
                    .iter()
                    .zip(watched.lock().expect("not poisoned").iter_mut())
                {
                    note(seen, now, &book.transactions);
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
        Meter { history, watching }
    }

    /// How far `office` is behind all others.
    pub(crate) async fn of(&self, office: &Office) -> Result<Duration, String> {
        let asked = Instant::now();
        let sql = "SELECT split_part(office, '/', 1), sum(value) FROM counters GROUP BY 1";
        let rows = office.try_rows(sql).await?;
        let history = self.history.lock().expect("not poisoned");
        let mut behind = Duration::ZERO;
        for (name, seen) in history.iter().filter(|(name, _)| *name != office.name) {
            let row = rows.iter().find(|row| row.first() == Some(name));
            let here: u64 = row.and_then(|row| row.get(1)?.parse().ok()).unwrap_or(0);
            // The first moment at which the other had more than is here now.
            if let Some((when, _)) = seen.iter().find(|(_, there)| *there > here) {
                behind = behind.max(asked.saturating_duration_since(*when));
            }
        }
        Ok(behind)
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

fn note(seen: &mut VecDeque<(Instant, u64)>, now: Instant, transactions: &AtomicU64) {
    let count = Book::read(transactions);
    if seen.back().is_none_or(|(_, last)| *last != count) {
        seen.push_back((now, count));
    }
}
