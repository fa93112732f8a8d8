//! Named points at which a fault test kills this process (feature `failpoints`, variable `FAILPOINTS`).
//!
//! Invariant: without the feature every function here is empty. With it, the action `return` at a
//! point aborts the process as SIGKILL would: no destructor, no flush, no goodbye.

macro_rules! point {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub(crate) fn $name() {
            fail::fail_point!(stringify!($name), |_| std::process::abort());
        }
    };
}

point!(
    /// A part was drained and is not published yet.
    publish_before
);
point!(
    /// A part was handed to the broker and is not confirmed yet.
    publish_confirm
);
point!(
    /// Every part of a tick was confirmed and it is not settled yet.
    confirm_settle
);
point!(
    /// A tick is visible here and perhaps not on disk yet.
    apply_flush
);
point!(
    /// A tick is on disk here and its message is not acknowledged yet.
    apply_ack
);

/// Runs beside an apply call and may kill the process while the server works on it.
pub(crate) async fn apply_mid() {
    if drawn() {
        // Long enough for the call to have left, short enough for its answer not to be read.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        std::process::abort();
    }
    std::future::pending::<()>().await;
}

fn drawn() -> bool {
    fail::fail_point!("apply_mid", |_| true);
    false
}
