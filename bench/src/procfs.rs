//! What the kernel knows about a process: the CPU time it took, and the memory of its own.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;

/// Linux counts CPU time for user space in hundredths of a second, on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU seconds of a process so far, with its children that have ended; zero once it is gone.
pub(crate) fn cpu_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in parentheses may hold anything; the fields behind it are numbers, the first of them is the third.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(4)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    ticks as f64 / TICKS_PER_SECOND
}

/// Watches how much memory of its own (not shared buffers) a process takes.
#[derive(Debug)]
pub(crate) struct Memory {
    over: Arc<AtomicBool>,
    peak: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Memory {
    pub(crate) fn watch(pid: u32) -> Memory {
        let over = Arc::new(AtomicBool::new(false));
        let peak = Arc::new(AtomicU64::new(0));
        let (ended, highest) = (Arc::clone(&over), Arc::clone(&peak));
        let task = tokio::spawn(async move {
            while !ended.load(Ordering::Relaxed) {
                highest.fetch_max(own_kb(pid), Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        Memory { over, peak, task }
    }

    /// The most it took, in megabytes.
    pub(crate) async fn stop(self) -> f64 {
        self.over.store(true, Ordering::Relaxed);
        self.task.await.expect("the watch does not panic");
        self.peak.load(Ordering::Relaxed) as f64 / 1024.0
    }
}

fn own_kb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let own = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    own.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// Megabytes on disk below a directory.
pub(crate) fn disk_mb(path: &Path) -> f64 {
    let mut bytes = 0;
    let mut left = vec![path.to_owned()];
    while let Some(directory) = left.pop() {
        // Files come and go while servers run: what is gone by now takes no room.
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(about) if about.is_dir() => left.push(entry.path()),
                Ok(about) => bytes += about.len(),
                Err(_) => {}
            }
        }
    }
    bytes as f64 / 1e6
}
