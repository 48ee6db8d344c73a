//! Export: the samples of selected series as a stream, in formats that others read.
//!
//! * A series is read in pieces, so that neither a long series nor a slow client costs memory: what is held is the list
//!   of the series, one piece, and what waits for the network.
//! * An answer that cannot be given whole is cut off in the middle of its chunked encoding, so that nobody takes it for
//!   all there is.

mod csv;
mod exact;
mod federate;
mod json_lines;
mod remote_read;
mod series;
mod stream;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
#[cfg(fuzzing)]
pub(crate) use remote_read::fuzz_request as fuzz_read_request;

use crate::state::AppState;

/// Paths under which remote read is known: Prometheus's, and that of Cortex.
const REMOTE_READ_PATHS: [&str; 2] = ["/api/v1/read", "/api/v1/prom/read"];

/// Routes of export: VictoriaMetrics's paths, and Prometheus's federation and remote read.
pub(crate) fn routes() -> Router<AppState> {
    let mut reads = Router::new();
    for path in REMOTE_READ_PATHS {
        reads = reads.route(path, post(remote_read::read));
    }
    Router::new()
        .merge(reads.layer(DefaultBodyLimit::disable())) // the body has a limit while it is collected
        .route(
            "/api/v1/export",
            get(json_lines::export).post(json_lines::export),
        )
        .route("/api/v1/export/csv", get(csv::export).post(csv::export))
        .route("/federate", get(federate::federate))
}
