//! `labels` and `label/<name>/values`.

use axum::extract::{Path, State};

use super::{Json, json, lookup};
use crate::api::params::{Params, unescape_name};
use crate::error::ApiError;
use crate::state::AppState;

/// `GET|POST /api/v1/labels`
pub(crate) async fn names(State(state): State<AppState>, params: Params) -> Result<Json, ApiError> {
    let limit = params.limit()?;
    let range = params.time_range()?;
    let sets = params.matcher_sets().map_err(ApiError::bad_data)?;
    lookup(&state, move |db| {
        Ok(strings(db.querier(range)?.label_names(&sets)?, limit))
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
    let sets = params.matcher_sets().map_err(ApiError::bad_data)?;
    lookup(&state, move |db| {
        Ok(strings(
            db.querier(range)?.label_values(&name, &sets)?,
            limit,
        ))
    })
    .await
}

fn strings(mut found: Vec<String>, limit: Option<usize>) -> Vec<u8> {
    let warnings = super::truncate(&mut found, limit);
    json::success_with(&warnings, &[], |out| {
        json::array(out, &found, |out, s| json::string(out, s))
    })
}
