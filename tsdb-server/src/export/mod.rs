//! Export: the samples of selected series as a stream, in formats that others read.
//!
//! * A series is read in pieces, so that neither a long series nor a slow client costs memory: what is held is the list
//!   of the series, one piece, and what waits for the network.
//! * An answer that cannot be given whole is cut off in the middle of its chunked encoding, so that nobody takes it for
//!   all there is.

mod csv;
mod federate;
mod json_lines;
mod series;
mod stream;

use axum::Router;
use axum::routing::get;

use crate::state::AppState;

/// Routes of export: VictoriaMetrics's paths, and Prometheus's federation.
pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route(
            "/api/v1/export",
            get(json_lines::export).post(json_lines::export),
        )
        .route("/api/v1/export/csv", get(csv::export).post(csv::export))
        .route("/federate", get(federate::federate))
}
