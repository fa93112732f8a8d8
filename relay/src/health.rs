//! `/healthz` (the process is alive) and `/readyz` (it does its work), over HTTP.
//!
//! Invariant: answers come from memory; asking costs the database and the broker nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};
use crate::stats::Stats;

/// Opens the port; the server runs until told to stop.
pub(crate) async fn serve(
    address: SocketAddr,
    stats: Arc<Stats>,
    stop: CancellationToken,
) -> Result<()> {
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .map_err(|error| {
            Error::config(
                "OFFICESYNC_HEALTH_PORT",
                format!("cannot open {address}: {error}"),
                "choose a free port",
            )
        })?;
    let router = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .with_state(stats);
    tokio::spawn(async move {
        let serving = axum::serve(listener, router)
            .with_graceful_shutdown(async move { stop.cancelled().await });
        if let Err(error) = serving.await {
            tracing::error!(%error, "the health server ended");
        }
    });
    Ok(())
}

async fn ready(State(stats): State<Arc<Stats>>) -> (StatusCode, Json<serde_json::Value>) {
    let database = stats.database.load(Relaxed);
    let leading = stats.leading.load(Relaxed);
    let publisher = stats.publisher.load(Relaxed);
    let consumer = stats.consumer.load(Relaxed);
    let state = match (database, leading, publisher && consumer) {
        (true, true, true) => "ready",
        (false, ..) => "no database",
        (true, false, _) => "standby",
        (true, true, false) => "no broker",
    };
    let code = if state == "ready" {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let answer = serde_json::json!({
        "state": state,
        "database": database,
        "leading": leading,
        "publishing": publisher,
        "consuming": consumer,
        "unsent_ticks": stats.unsent.load(Relaxed),
        "lag_ms": stats.lag_ms.load(Relaxed),
        "errors": stats.errors.load(Relaxed),
        "warnings": stats.warnings.load(Relaxed),
    });
    (code, Json(answer))
}
