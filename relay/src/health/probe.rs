//! `officesync-relay healthy`: asks the relay beside it for `/healthz`, for containers that have no `curl`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use clap::Args;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::config;
use crate::error::{Error, Result};

/// What to ask.
#[derive(Debug, Args)]
pub(crate) struct Ask {
    /// Ask whether it does its work (/readyz), not only whether it lives
    #[arg(long)]
    ready: bool,
}

/// Whether the relay at `HEALTH_ADDRESS`, `HEALTH_PORT` says that it is well.
pub(crate) async fn run(options: &Ask, file: Option<&Path>) -> Result<bool> {
    const PATIENCE: Duration = Duration::from_secs(2);
    let address = config::health(file)?.ok_or_else(|| {
        Error::config(
            "OFFICESYNC_HEALTH_PORT",
            "is missing",
            "set it to the relay's",
        )
    })?;
    let path = if options.ready { "/readyz" } else { "/healthz" };
    let asked = tokio::time::timeout(PATIENCE, ask(reachable(address), path)).await;
    Ok(matches!(asked, Ok(Ok(200))))
}

/// A server that listens on every address is asked on this host's own.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// The status code of the answer; 0 when it is none.
async fn ask(address: SocketAddr, path: &str) -> std::io::Result<u16> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut line = [0; "HTTP/1.1 200".len()];
    stream.read_exact(&mut line).await?;
    let code = std::str::from_utf8(&line[9..]).unwrap_or_default();
    Ok(code.parse().unwrap_or(0))
}
