//! InfluxDB's HTTP API, versions 1.x and the writes of 2.x, over `tsdb-influx`.
//!
//! Only what is HTTP stands here: parameters, bodies, statuses and the forms of answers. Clients look for the version of
//! InfluxDB in a header of every answer; it is that of the server whose answers these are compared with.

mod answer;
mod csv;
mod error;
mod json;
mod params;
mod permission;
pub(crate) mod ping;
pub(crate) mod query;
pub(crate) mod retention;
pub(crate) mod udp;
pub(crate) mod write;

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;

/// The version of InfluxDB that this stands in for.
const VERSION: &str = "1.6.7";

/// Puts the version into every answer.
pub(crate) async fn with_version(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert("x-influxdb-version", HeaderValue::from_static(VERSION));
    headers.insert("x-influxdb-build", HeaderValue::from_static("OSS"));
    response
}
