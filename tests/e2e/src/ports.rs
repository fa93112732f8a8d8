//! Free TCP ports on the loopback address, below the range the kernel takes for outgoing connections, so that a
//! server that is stopped for a while finds its port free again.

use std::net::TcpListener;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

const FIRST: u32 = 17_000;
const COUNT: u32 = 14_000;

/// A port nobody listens on, never given out twice in one process.
pub fn free() -> u16 {
    static START: OnceLock<AtomicU32> = OnceLock::new();
    // Processes that run at the same time begin far apart.
    let start = START.get_or_init(|| AtomicU32::new(std::process::id().wrapping_mul(977) % COUNT));
    for _ in 0..COUNT {
        let port = (FIRST + start.fetch_add(1, Ordering::Relaxed) % COUNT) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between {FIRST} and {}", FIRST + COUNT);
}
