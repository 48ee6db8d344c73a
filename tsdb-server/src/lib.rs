//! The HTTP server around the store and the query engines: Prometheus remote write and InfluxDB's line protocol in, PromQL
//! and InfluxQL out.
//!
//! * [`app`] is the whole HTTP surface as a router, made of the table in `routes`, so that tests call it without a port.
//! * The engine is synchronous; `bridge` is the only way from here to it, and it is bounded.
//! * Each protocol under `ingest` only fills a `WriteBatch`; `ingest::apply` alone turns what became of it into a status.
#![forbid(unsafe_code)]

mod allocator;
mod api;
mod auth;
mod bridge;
mod bytes;
mod checksum;
mod cli;
mod config;
mod descriptors;
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
mod routes;
mod shutdown;
mod state;
pub mod telemetry;
pub mod text;
mod udp;
mod verify;
mod web;

use std::io;

use tokio::net::TcpListener;

pub use allocator::give_back_soon;
pub use cli::{Cli, Command};
pub use config::{
    Config, ConnectionFlags, LoadFlags, LogFormat, LogLevel, Settings, SettingsError,
};
pub use import::{ImportCommand, run_command as run_import};
pub use state::AppState;
pub use verify::{VerifyArgs, verify};

pub use routes::{app, paths};

/// Runs the server until SIGTERM or SIGINT, then drains, flushes and closes the store.
///
/// The listener is up before the store is open: `/-/healthy` answers at once, `/-/ready` once recovery is done.
///
/// # Errors
/// When the address cannot be bound, the store cannot be opened or closed, or the listener fails.
pub async fn run(mut config: Config) -> io::Result<()> {
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
    let connections = &mut config.connections.max_connections;
    (*connections, config.max_partitions) =
        descriptors::shares(*connections, config.max_partitions);
    let state = AppState::new(config);
    state.reload().map_err(io::Error::other)?;
    telemetry::watch_memory(state.clone());
    web::watch(state.clone());
    influx::udp::listen(&state).await?;
    ingest::statsd::listen(&state).await?;
    influx::retention::enforce(state.clone());
    let opening = tokio::task::spawn_blocking({
        let state = state.clone();
        move || state.open_store()
    });
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let serving = http::serve(listener, app(state.clone()), state.clone(), stopped);
    let serving = tokio::spawn(serving);

    let outcome = shutdown::wait(opening, &state).await;
    let _ = stop.send(true);
    shutdown::drain(serving, &state).await?;
    shutdown::close_store(state).await?;
    outcome
}
