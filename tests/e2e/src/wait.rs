//! Waiting for a condition. Nothing in the tests sleeps for a time and hopes: it polls for what it needs, and when
//! that does not come it says what was awaited and what was seen last.

use std::future::Future;
use std::time::{Duration, Instant};

/// How long a test waits for what should happen at once, on a busy machine.
pub const SOON: Duration = Duration::from_secs(30);

/// How long a test waits for a system to recover from a fault.
pub const RECOVERY: Duration = Duration::from_secs(120);

/// Polls `probe` until it gives `Ok`. `Err` holds what was seen instead.
pub async fn until<T, F, Fut>(what: &str, patience: Duration, mut probe: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, String>>,
{
    let began = Instant::now();
    let mut pause = Duration::from_millis(5);
    loop {
        match probe().await {
            Ok(value) => return value,
            Err(last) if began.elapsed() >= patience => {
                panic!("waited {patience:?} for {what}; last seen: {last}")
            }
            Err(_) => tokio::time::sleep(pause).await,
        }
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}

/// Runs `probe` again and again for `span` and panics as soon as it gives `Err`: for what must *not* happen.
pub async fn never<F, Fut>(what: &str, span: Duration, mut probe: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<(), String>>,
{
    let deadline = Instant::now() + span;
    while Instant::now() < deadline {
        if let Err(seen) = probe().await {
            panic!("{what}: {seen}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
