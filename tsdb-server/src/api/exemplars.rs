//! `query_exemplars`: the exemplars of the series that an expression selects.

use axum::extract::State;
use tsdb_core::{Exemplar, SeriesExemplars};
use tsdb_query::{parse, selectors};

use super::{Json, json, lookup};
use crate::api::params::Params;
use crate::error::ApiError;
use crate::state::AppState;

/// `GET|POST /api/v1/query_exemplars`
pub(crate) async fn query(State(state): State<AppState>, params: Params) -> Result<Json, ApiError> {
    let range = params.time_range()?;
    if range.is_empty() {
        return Err(ApiError::bad_data(
            "end timestamp must not be before start timestamp",
        ));
    }
    let options = state.shared.config.parse_options();
    lookup(&state, move |db| {
        let query = params.get("query").unwrap_or("");
        let expr = parse::parse(query, &options).map_err(|e| ApiError::bad_data(e.to_string()))?;
        let selectors = selectors(&expr);
        if selectors.is_empty() {
            return Ok(br#"{"status":"success"}"#.to_vec()); // Prometheus has no data then, rather than none
        }
        let found = db.exemplars(range, &selectors)?;
        Ok(json::success(|out| json::array(out, &found, of_series)))
    })
    .await
}

fn of_series(out: &mut Vec<u8>, series: &SeriesExemplars) {
    out.extend_from_slice(b"{\"seriesLabels\":");
    json::labels(out, &series.labels);
    out.extend_from_slice(b",\"exemplars\":");
    json::array(out, &series.exemplars, exemplar);
    out.push(b'}');
}

fn exemplar(out: &mut Vec<u8>, exemplar: &Exemplar) {
    out.extend_from_slice(b"{\"labels\":");
    json::labels(out, &exemplar.labels);
    out.extend_from_slice(b",\"value\":");
    json::value(out, exemplar.value);
    out.extend_from_slice(b",\"timestamp\":");
    json::timestamp(out, exemplar.t_ms);
    out.push(b'}');
}
