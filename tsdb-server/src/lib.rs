//! The HTTP server around the store and the query engines: Prometheus remote write and InfluxDB's line protocol in, PromQL
//! and InfluxQL out.
//!
//! * [`app`] is the whole HTTP surface as a router, so that tests call it without a port.
//! * The engine is synchronous; `bridge` is the only way from here to it, and it is bounded.
//! * Each protocol under `ingest` only fills a `WriteBatch`; `ingest::apply` alone turns what became of it into a status.

mod api;
mod bridge;
mod bytes;
mod checksum;
mod cli;
mod config;
mod duration;
mod encoding;
mod error;
mod export;
mod features;
#[cfg(fuzzing)]
pub mod fuzzing;
mod http;
mod import;
mod influx;
mod ingest;
mod json_kind;
mod queries;
mod shutdown;
mod state;
pub mod telemetry;
pub mod text;
mod udp;
mod verify;

use std::future::IntoFuture;
use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;

pub use cli::{Cli, Command};
pub use config::{Config, LogFormat, LogLevel, Settings, SettingsError};
pub use import::{ImportCommand, run_command as run_import};
pub use state::AppState;
pub use verify::{VerifyArgs, verify};

/// Before the paths of the reading side it changes nothing: some clients are told of a Prometheus behind such a path.
const PREFIX: &str = "/prometheus";

/// The whole HTTP surface.
pub fn app(state: AppState) -> Router {
    let reading = api::routes().merge(export::routes());
    Router::new()
        .merge(ingest::routes(&state))
        .merge(import::routes())
        .merge(reading.clone())
        .nest(PREFIX, reading)
        .merge(influx::routes())
        .route("/metrics", get(telemetry::metrics))
        .fallback(http::not_found)
        .method_not_allowed_fallback(http::method_not_allowed)
        .layer(http::compression())
        .layer(axum::middleware::from_fn_with_state(
            state.clone(),
            http::cors,
        ))
        .layer(axum::middleware::from_fn_with_state(
            state.clone(),
            telemetry::observe,
        ))
        .with_state(state)
}

/// Runs the server until SIGTERM or SIGINT, then drains, flushes and closes the store.
///
/// The listener is up before the store is open: `/-/healthy` answers at once, `/-/ready` once recovery is done.
///
/// # Errors
/// When the address cannot be bound, the store cannot be opened or closed, or the listener fails.
pub async fn run(config: Config) -> io::Result<()> {
    let address = config.socket_address();
    let listener = TcpListener::bind(&address)
        .await
        .map_err(|e| io::Error::new(e.kind(), format!("listen on {address}: {e}")))?;
    let local = listener.local_addr()?;
    tracing::info!(address = %local, "listening");
    tracing::info!(
        "try: curl 'http://{local}/api/v1/query?query=1%2B1'; open http://{local}/ for more"
    );

    features::log(&config.enable_feature);
    let state = AppState::new(config);
    state.reload().map_err(io::Error::other)?;
    telemetry::watch_memory(state.clone());
    influx::udp::listen(&state).await?;
    ingest::statsd::listen(&state).await?;
    influx::retention::enforce(state.clone());
    let opening = tokio::task::spawn_blocking({
        let state = state.clone();
        move || state.open_store()
    });
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut draining = stopped.clone();
    let service = app(state.clone()).into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(async move {
        let _ = draining.wait_for(|stop| *stop).await; // an error means that the sender is gone: stop as well
    });
    let serving = tokio::spawn(serving.into_future());

    let outcome = shutdown::wait(opening, &state).await;
    let _ = stop.send(true);
    shutdown::drain(serving, &state).await?;
    shutdown::close_store(state).await?;
    outcome
}
