//! Writing: each protocol fills a `WriteBatch`, [`apply`] alone turns what became of it into an answer.

mod apply;
pub(crate) mod body;
mod buckets;
mod datadog;
mod few;
mod ha;
mod histogram;
mod label_set;
mod otlp;
pub(crate) mod proto;
mod remote_write;
mod remote_write_v1;
mod remote_write_v2;
mod samples;
pub(crate) mod statsd;
#[cfg(test)]
#[path = "../../tests/common/wire.rs"]
mod wire;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;

pub(crate) use apply::{WriteError, durable};
pub(crate) use body::Buffers;
#[cfg(fuzzing)]
pub(crate) use datadog::fuzz as fuzz_datadog;
pub(crate) use ha::{Elections, HaOptions};
pub(crate) use label_set::LabelSet;
#[cfg(fuzzing)]
pub(crate) use otlp::fuzz as fuzz_otlp;

use crate::state::AppState;

/// Paths under which remote write is known; the first is Prometheus's, the others are those of Cortex, the m3 and
/// Mimir families.
const REMOTE_WRITE_PATHS: [&str; 4] = [
    "/api/v1/write",
    "/api/v1/prom/write",
    "/prometheus/remote/write",
    "/api/v1/push",
];

/// Paths of OpenTelemetry metrics: Prometheus's, and the one that exporters add to their endpoint.
const OTLP_PATHS: [&str; 2] = ["/api/v1/otlp/v1/metrics", "/v1/metrics"];

/// Routes of the writing protocols.
pub(crate) fn routes(_state: &AppState) -> Router<AppState> {
    let mut router = Router::new();
    for path in REMOTE_WRITE_PATHS {
        router = router.route(path, post(remote_write::write));
    }
    for path in OTLP_PATHS {
        router = router.route(path, post(otlp::write));
    }
    let router = router.merge(datadog::routes());
    router.layer(DefaultBodyLimit::disable()) // `body` has the limit, while it collects
}
