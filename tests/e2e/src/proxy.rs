//! A link between two offices that can fail: a TCP proxy that cuts, swallows, delays and throttles, and counts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How the link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Link {
    /// Connections are reset and new ones get nowhere.
    pub cut: bool,
    /// What goes towards the server vanishes, and nobody is told.
    pub swallow_up: bool,
    /// What comes from the server vanishes, and nobody is told.
    pub swallow_down: bool,
    /// Each byte takes this long, one way.
    pub delay: Duration,
    /// Bytes a second each way, for all connections together; zero for no limit.
    pub bytes_per_second: u64,
    /// Connections of an older generation are dead: both ends keep them open, nothing passes.
    generation: u64,
}

/// The proxy; it listens until dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    link: Arc<watch::Sender<Link>>,
    ways: Ways,
    listener: JoinHandle<()>,
}

/// The two directions, each shared by all connections.
#[derive(Debug, Clone, Default)]
struct Ways {
    up: Arc<Way>,
    down: Arc<Way>,
}

/// One direction: what it has carried, and when it is free to take more.
#[derive(Debug, Default)]
struct Way {
    bytes: AtomicU64,
    free: Mutex<Option<Instant>>,
}

impl Way {
    /// Waits for as long as so many bytes keep a line of that speed busy, after those who came before.
    async fn take(&self, count: usize, bytes_per_second: u64) {
        self.bytes.fetch_add(count as u64, Ordering::Relaxed);
        if bytes_per_second == 0 {
            return;
        }
        let busy = Duration::from_secs_f64(count as f64 / bytes_per_second as f64);
        let until = {
            let mut free = self.free.lock().await;
            let now = Instant::now();
            let until = free.map_or(now, |free| free.max(now)) + busy;
            *free = Some(until);
            until
        };
        tokio::time::sleep_until(until).await;
    }
}

impl Proxy {
    /// Opens a proxy to a port of this machine.
    pub async fn to(server_port: u16) -> Proxy {
        let port = crate::ports::free();
        let listener = TcpListener::bind(("127.0.0.1", port))
            .await
            .expect("the port is free");
        let link = Arc::new(watch::Sender::new(Link::default()));
        let server = SocketAddr::from(([127, 0, 0, 1], server_port));
        let ways = Ways::default();
        let accepting = tokio::spawn(accept(listener, server, Arc::clone(&link), ways.clone()));
        Proxy {
            port,
            link,
            ways,
            listener: accepting,
        }
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many bytes have passed so far, towards the server and from it.
    pub fn carried(&self) -> (u64, u64) {
        let bytes = |way: &Way| way.bytes.load(Ordering::Relaxed);
        (bytes(&self.ways.up), bytes(&self.ways.down))
    }

    /// Changes the link.
    pub fn change(&self, change: impl FnOnce(&mut Link)) {
        self.link.send_modify(change);
    }

    /// Resets all connections and lets no new one through.
    pub fn cut(&self) {
        self.change(|link| link.cut = true);
    }

    /// A sound link again. Connections whose bytes vanished stay dead: bytes are missing in them.
    pub fn restore(&self) {
        self.change(|link| {
            let broken = link.swallow_up || link.swallow_down;
            *link = Link {
                generation: link.generation + u64::from(broken),
                ..Link::default()
            };
        });
    }

    /// The connections that are open now go silent, as after a router lost its table; new ones work.
    pub fn half_open(&self) {
        self.change(|link| link.generation += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listener.abort();
        self.link.send_modify(|link| link.cut = true);
    }
}

async fn accept(
    listener: TcpListener,
    server: SocketAddr,
    link: Arc<watch::Sender<Link>>,
    ways: Ways,
) {
    while let Ok((client, _)) = listener.accept().await {
        let state = link.subscribe();
        if state.borrow().cut {
            continue; // dropped: the client sees a reset or an end
        }
        tokio::spawn(serve(client, server, state, ways.clone()));
    }
}

/// Carries one connection until either end closes it or the link is cut.
async fn serve(client: TcpStream, server: SocketAddr, mut link: watch::Receiver<Link>, ways: Ways) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let born = link.borrow().generation;
    let (client_reads, client_writes) = client.into_split();
    let (server_reads, server_writes) = server.into_split();
    let up = carry(
        client_reads,
        server_writes,
        link.clone(),
        &ways.up,
        born,
        |link| link.swallow_up,
    );
    let down = carry(
        server_reads,
        client_writes,
        link.clone(),
        &ways.down,
        born,
        |link| link.swallow_down,
    );
    tokio::select! {
        () = up => {}
        () = down => {}
        _ = link.wait_for(|link| link.cut) => {}
    }
}

/// Copies one way, as the link allows.
async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    link: watch::Receiver<Link>,
    way: &Way,
    born: u64,
    swallow: fn(&Link) -> bool,
) {
    let (send, mut receive) = mpsc::channel::<(Instant, Vec<u8>)>(256);
    let watched = link.clone();
    let read = async move {
        let mut buffer = vec![0_u8; 16 * 1024];
        loop {
            let state = *watched.borrow();
            let dead = born != state.generation;
            if dead {
                // Silent for ever; the sockets stay open until the link is cut or the test ends.
                std::future::pending::<()>().await;
            }
            let Ok(count @ 1..) = from.read(&mut buffer).await else {
                return;
            };
            let state = *watched.borrow();
            if swallow(&state) || born != state.generation {
                continue;
            }
            way.take(count, state.bytes_per_second).await;
            if send
                .send((Instant::now() + state.delay, buffer[..count].to_vec()))
                .await
                .is_err()
            {
                return;
            }
        }
    };
    let write = async move {
        while let Some((due, bytes)) = receive.recv().await {
            tokio::time::sleep_until(due).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = read => {}
        () = write => {}
    }
}
