//! `metadata`: type, help and unit of metrics, as their writers told them.

use axum::extract::State;
use tsdb_core::MetricMetadata;

use super::{Json, json, lookup};
use crate::api::params::Params;
use crate::error::ApiError;
use crate::state::AppState;

/// `GET /api/v1/metadata`. One entry a metric is kept, so `limit_per_metric` cuts nothing; it is only checked.
pub(crate) async fn metadata(
    State(state): State<AppState>,
    params: Params,
) -> Result<Json, ApiError> {
    let number = |name: &str| match params.get(name).map(str::parse::<i64>) {
        None => Ok(None),
        Some(Ok(n)) => Ok(usize::try_from(n).ok().filter(|n| *n > 0)), // none, 0 and negative: no limit
        Some(Err(_)) => Err(ApiError::bad_data(format!("{name} must be a number"))),
    };
    let limit = number("limit")?.unwrap_or(usize::MAX);
    number("limit_per_metric")?;
    let metric = params.get("metric").map(str::to_owned);
    lookup(&state, move |db| {
        // A copy, and the text of the answer.
        let _share = db.memory().reserve(2 * db.metadata_bytes())?;
        let mut entries = db.metadata();
        entries.retain(|m| metric.as_ref().is_none_or(|metric| *metric == m.metric));
        entries.truncate(limit);
        Ok(json::success(|out| object(out, &entries)))
    })
    .await
}

fn object(out: &mut Vec<u8>, entries: &[MetricMetadata]) {
    out.push(b'{');
    for (i, entry) in entries.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        json::string(out, &entry.metric);
        out.extend_from_slice(b":[{\"type\":");
        json::string(out, entry.kind.as_str());
        out.extend_from_slice(b",\"help\":");
        json::string(out, &entry.help);
        out.extend_from_slice(b",\"unit\":");
        json::string(out, &entry.unit);
        out.extend_from_slice(b"}]");
    }
    out.push(b'}');
}
