//! Writing: each protocol fills a `WriteBatch`, [`apply`] alone turns what became of it into an answer.

mod apply;
pub(crate) mod body;
mod ha;
mod histogram;
mod label_set;
pub(crate) mod proto;
mod remote_write;
mod remote_write_v1;
mod remote_write_v2;
mod samples;
#[cfg(test)]
#[path = "../../tests/common/wire.rs"]
mod wire;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;

pub(crate) use apply::{WriteError, durable};
pub(crate) use body::Buffers;
pub(crate) use ha::{Elections, HaOptions};
pub(crate) use label_set::LabelSet;

use crate::state::AppState;

/// Paths under which remote write is known; the first is Prometheus's, the others are those of Cortex, the m3 and
/// Mimir families.
const REMOTE_WRITE_PATHS: [&str; 4] = [
    "/api/v1/write",
    "/api/v1/prom/write",
    "/prometheus/remote/write",
    "/api/v1/push",
];

/// Routes of the writing protocols.
pub(crate) fn routes(_state: &AppState) -> Router<AppState> {
    let mut router = Router::new();
    for path in REMOTE_WRITE_PATHS {
        router = router.route(path, post(remote_write::write));
    }
    router.layer(DefaultBodyLimit::disable()) // `body` has the limit, while it collects
}
