//! `/healthz` (the process is alive), `/readyz` (it does its work) and `/metrics`, over HTTP.
//!
//! Invariant: the first two answer from memory; asking costs the database and the broker nothing.

mod exposition;
pub(crate) mod metrics;
pub(crate) mod probe;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio_util::sync::CancellationToken;

use self::metrics::Metrics;
use crate::error::{Error, Result};

/// Opens the port; the server runs until told to stop.
pub(crate) async fn serve(
    address: SocketAddr,
    metrics: Arc<Metrics>,
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
        .route("/metrics", get(measured))
        .with_state(metrics);
    tokio::spawn(async move {
        let serving = axum::serve(listener, router)
            .with_graceful_shutdown(async move { stop.cancelled().await });
        if let Err(error) = serving.await {
            tracing::error!(%error, "the health server ended");
        }
    });
    Ok(())
}

async fn ready(State(metrics): State<Arc<Metrics>>) -> (StatusCode, Json<serde_json::Value>) {
    let stats = metrics.stats();
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
        "errors": stats.found_errors.load(Relaxed),
        "warnings": stats.found_warnings.load(Relaxed),
    });
    (code, Json(answer))
}

async fn measured(State(metrics): State<Arc<Metrics>>) -> impl IntoResponse {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match metrics.text().await {
        Ok(text) => (StatusCode::OK, [(header::CONTENT_TYPE, OPEN_METRICS)], text),
        // Writing to a String cannot fail.
        Err(std::fmt::Error) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            [(header::CONTENT_TYPE, "text/plain")],
            String::new(),
        ),
    }
}
