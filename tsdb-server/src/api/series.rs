//! `series`: label sets that match.

use axum::extract::State;
use tsdb_core::{Labels, Series};

use super::{Json, allow_results, json, lookup};
use crate::api::params::Params;
use crate::error::ApiError;
use crate::state::AppState;

/// `GET|POST /api/v1/series`
pub(crate) async fn series(
    State(state): State<AppState>,
    params: Params,
) -> Result<Json, ApiError> {
    let limit = params.limit()?;
    let range = params.time_range()?;
    let max = state.shared.config.load.query_max_lookup_results;
    lookup(&state, move |db| {
        let sets = params
            .matcher_sets()
            .map_err(|e| ApiError::invalid_parameter("match[]", e))?;
        if sets.is_empty() {
            return Err(ApiError::bad_data("no match[] parameter provided"));
        }
        let querier = db.querier(range)?;
        let mut found: Vec<Labels> = Vec::new();
        // Held while the labels are.
        let mut shares = Vec::new();
        for set in &sets {
            let selected = querier.select(set)?;
            let bytes = selected.iter().map(Series::memory_bytes).sum();
            shares.push(db.memory().reserve(bytes)?);
            found.extend(selected.iter().map(|s| s.labels().clone()));
            if found.len() > max {
                found.sort_unstable();
                found.dedup();
                allow_results(found.len(), max)?;
            }
        }
        if sets.len() > 1 {
            found.sort_unstable();
            found.dedup();
        }
        let warnings = super::truncate(&mut found, limit);
        Ok(json::success_with(&warnings, &[], |out| {
            json::array(out, &found, json::labels)
        }))
    })
    .await
}
