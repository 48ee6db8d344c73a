//! InfluxDB's HTTP API, versions 1.x and the writes of 2.x, over `tsdb-influx`.
//!
//! Only what is HTTP stands here: parameters, bodies, statuses and the forms of answers. Clients look for the version of
//! InfluxDB in a header of every answer; it is that of the server whose answers these are compared with.

mod answer;
mod csv;
mod error;
mod json;
mod params;
mod ping;
mod query;
pub(crate) mod retention;
pub(crate) mod udp;
mod write;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::HeaderValue;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};

use crate::state::AppState;

/// The version of InfluxDB that this stands in for.
const VERSION: &str = "1.6.7";

/// Routes of InfluxDB's API.
pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/ping", get(ping::ping).head(ping::ping))
        .route("/health", get(ping::health))
        .route("/write", post(write::version_1))
        .route("/api/v2/write", post(write::version_2))
        .route("/query", get(query::query).post(query::query))
        .layer(DefaultBodyLimit::disable()) // `body` and `params` have the limits, while they collect
        .layer(from_fn(with_version))
}

/// Puts the version into every answer.
async fn with_version(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert("x-influxdb-version", HeaderValue::from_static(VERSION));
    headers.insert("x-influxdb-build", HeaderValue::from_static("OSS"));
    response
}
