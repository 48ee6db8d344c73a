//! Status pages, and the empty answers of what is not here (rules, alerts, targets).

use std::time::SystemTime;

use axum::extract::State;
use serde_json::{Value, json};

use super::{Json, json as writer, lookup};
use crate::api::params::Params;
use crate::error::ApiError;
use crate::state::AppState;
use crate::{bytes, duration};

/// The Prometheus whose API this is; clients switch features on by it.
const PROMETHEUS_VERSION: &str = "3.14.0";

fn success(data: &Value) -> Json {
    Json(writer::success(|out| {
        out.extend_from_slice(data.to_string().as_bytes())
    }))
}

/// `GET /api/v1/rules`
pub(crate) async fn rules() -> Json {
    success(&json!({ "groups": [] }))
}

/// `GET /api/v1/alerts`
pub(crate) async fn alerts() -> Json {
    success(&json!({ "alerts": [] }))
}

/// `GET /api/v1/alertmanagers`
pub(crate) async fn alertmanagers() -> Json {
    success(&json!({ "activeAlertmanagers": [], "droppedAlertmanagers": [] }))
}

/// `GET /api/v1/targets`
pub(crate) async fn targets() -> Json {
    success(&json!({ "activeTargets": [], "droppedTargets": [], "droppedTargetCounts": {} }))
}

/// `GET /api/v1/scrape_pools`
pub(crate) async fn scrape_pools() -> Json {
    success(&json!({ "scrapePools": [] }))
}

/// `GET /api/v1/targets/metadata` and `GET /api/v1/notifications`
pub(crate) async fn empty_list() -> Json {
    success(&json!([]))
}

/// `GET /api/v1/status/buildinfo`. Strings only and no `features`: with them Grafana takes the source for Mimir.
pub(crate) async fn buildinfo() -> Json {
    success(&json!({
        "version": PROMETHEUS_VERSION,
        "revision": concat!("tsdb-server ", env!("CARGO_PKG_VERSION")),
        "branch": "",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
    }))
}

/// A time in UTC.
pub(super) fn rfc3339(t: SystemTime) -> String {
    jiff::Timestamp::try_from(t).unwrap_or_default().to_string()
}

/// `GET /api/v1/status/runtimeinfo`
pub(crate) async fn runtimeinfo(State(state): State<AppState>) -> Json {
    let reloaded = state.reloaded();
    let cwd = std::env::current_dir().unwrap_or_default();
    let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let corruptions = state.store().map_or(0, |db| db.stats().corruptions);
    let in_effect = reloaded.settings.retention.of_store();
    let time = in_effect.age.map(duration::format);
    let size = in_effect.size_bytes.map(bytes::format);
    let retention: Vec<String> = time.into_iter().chain(size).collect();
    success(&json!({
        "startTime": rfc3339(state.shared.started),
        "CWD": cwd.display().to_string(),
        "hostname": hostname.trim(),
        "serverTime": rfc3339(SystemTime::now()),
        "reloadConfigSuccess": reloaded.successful,
        "lastConfigTime": rfc3339(reloaded.at),
        "corruptionCount": corruptions,
        "goroutineCount": 0,
        "GOMAXPROCS": std::thread::available_parallelism().map_or(1, usize::from),
        "GOMEMLIMIT": state.shared.budget.limit(),
        "GOGC": "",
        "GODEBUG": "",
        "storageRetention": retention.join(" or "),
    }))
}

/// `GET /api/v1/status/flags`
pub(crate) async fn flags(State(state): State<AppState>) -> Json {
    let flags = state.shared.config.flags().into_iter();
    let map: serde_json::Map<String, Value> = flags
        .map(|(name, value)| (name.to_owned(), Value::String(value)))
        .collect();
    success(&Value::Object(map))
}

/// `GET /api/v1/status/config`: what of the configuration file is in effect, defaults included.
pub(crate) async fn config(State(state): State<AppState>) -> Json {
    success(&json!({ "yaml": state.reloaded().settings.to_yaml() }))
}

/// `GET /api/v1/status/walreplay`: segments of the write-ahead log to be replayed, and replayed so far.
pub(crate) async fn walreplay(State(state): State<AppState>) -> Json {
    let (segments, replayed) = state.shared.progress.segments();
    success(&json!({ "min": 0, "max": segments, "current": replayed }))
}

/// `GET /api/v1/status/tsdb`
pub(crate) async fn tsdb(State(state): State<AppState>, params: Params) -> Result<Json, ApiError> {
    let limit = match params.get("limit").map(str::parse::<usize>) {
        None => 10,
        Some(Ok(limit)) if limit > 0 => limit,
        Some(_) => return Err(ApiError::bad_data("limit must be a positive number")),
    };
    lookup(&state, move |db| {
        let stats = db.stats();
        let cardinality = db.cardinality(limit);
        // An empty head has Prometheus's empty range.
        let (min_ms, max_ms) = stats.head_time_range.unwrap_or((i64::MAX, i64::MIN));
        let list = |pairs: &[(String, u64)]| -> Value {
            pairs
                .iter()
                .map(|(name, value)| json!({ "name": name, "value": value }))
                .collect()
        };
        let makers = db.series_makers(limit);
        let makers: Vec<Value> = makers
            .iter()
            .map(|m| json!({ "name": m.metric, "value": m.new, "refused": m.refused, "labels": m.labels }))
            .collect();
        let mut data = json!({
            "headStats": {
                "numSeries": stats.head_series,
                "numLabelPairs": cardinality.label_pairs,
                "chunkCount": stats.head_series,
                "minTime": min_ms,
                "maxTime": max_ms,
            },
            "seriesCountByMetricName": list(&cardinality.series_by_metric),
            "labelValueCountByLabelName": list(&cardinality.values_by_label),
            "memoryInBytesByLabelName": list(&cardinality.bytes_by_label),
            "seriesCountByLabelValuePair": list(&cardinality.series_by_pair),
        });
        // Beside Prometheus's fields only where there is something to tell: clients know the others.
        if !makers.is_empty() {
            data["newSeriesCountByMetricName"] = makers.into();
        }
        Ok(success(&data).0)
    })
    .await
}
