//! `labels` and `label/<name>/values`.

use axum::extract::{Path, State};
use tsdb_core::Db;

use super::{Json, allow_results, json, lookup};
use crate::api::params::{Params, unescape_name};
use crate::error::ApiError;
use crate::state::AppState;

/// `GET|POST /api/v1/labels`
pub(crate) async fn names(State(state): State<AppState>, params: Params) -> Result<Json, ApiError> {
    let limit = params.limit()?;
    let range = params.time_range()?;
    let max = state.shared.config.load.query_max_lookup_results;
    lookup(&state, move |db| {
        let sets = params.matcher_sets().map_err(ApiError::bad_data)?;
        strings(db, db.querier(range)?.label_names(&sets)?, limit, max)
    })
    .await
}

/// `GET /api/v1/label/<name>/values`; the name may be escaped as `U__…`.
pub(crate) async fn values(
    State(state): State<AppState>,
    Path(name): Path<String>,
    params: Params,
) -> Result<Json, ApiError> {
    let name = unescape_name(&name);
    let limit = params.limit()?;
    let range = params.time_range()?;
    let max = state.shared.config.load.query_max_lookup_results;
    lookup(&state, move |db| {
        let sets = params.matcher_sets().map_err(ApiError::bad_data)?;
        strings(
            db,
            db.querier(range)?.label_values(&name, &sets)?,
            limit,
            max,
        )
    })
    .await
}

/// `limit` is what the client asks for, `max` what may be found.
fn strings(
    db: &Db,
    mut found: Vec<String>,
    limit: Option<usize>,
    max: usize,
) -> Result<Vec<u8>, ApiError> {
    let warnings = super::truncate(&mut found, limit);
    allow_results(found.len(), max)?;
    // The list, and the answer that is made of it.
    let sizes = found
        .iter()
        .map(|text| size_of::<String>() + 2 * text.len());
    let _share = db.memory().reserve(sizes.sum::<usize>() as u64)?;
    Ok(json::success_with(&warnings, &[], |out| {
        json::array(out, &found, |out, s| json::string(out, s))
    }))
}
