//! Health, readiness, and what changes the store.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use tsdb_core::{Db, Matcher};

use super::params::Params;
use crate::bridge::PoolError;
use crate::error::{ApiError, ErrorKind, RETRY_AFTER_S};
use crate::http::text_error;
use crate::state::AppState;

/// `GET|HEAD /-/healthy`: the process answers.
pub(crate) async fn healthy() -> &'static str {
    "Prometheus Server is Healthy.\n" // probes compare this text
}

/// `GET|HEAD /-/ready`: the store is recovered.
pub(crate) async fn ready(State(state): State<AppState>) -> Response {
    match state.store() {
        Ok(_) => "Prometheus Server is Ready.\n".into_response(),
        Err(_) => {
            let mut response = text_error(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
            response
        }
    }
}

/// `POST|PUT /-/reload`: there is no configuration file yet, so that there is nothing that could fail.
pub(crate) async fn reload(State(state): State<AppState>) -> Response {
    if state.shared.config.enable_lifecycle {
        StatusCode::OK.into_response()
    } else {
        (StatusCode::FORBIDDEN, "Lifecycle API is not enabled.").into_response()
    }
}

/// Refuses what only an administrator may do, unless that is switched on.
pub(super) fn enabled(state: &AppState) -> Result<(), ApiError> {
    if state.shared.config.enable_admin_api {
        Ok(())
    } else {
        Err(ApiError::new(ErrorKind::Unavailable, "admin APIs disabled"))
    }
}

/// `POST|PUT /api/v1/admin/tsdb/flush`: writes what is in memory to files, merges until at rest, drops the write-ahead
/// log that this covers; 204 when it is done.
pub(crate) async fn flush(State(state): State<AppState>) -> Result<StatusCode, ApiError> {
    enabled(&state)?;
    change(&state, |db| {
        db.flush()?;
        db.compact()
    })
    .await
}

/// `POST|PUT /api/v1/admin/tsdb/delete_series`: deletes what any of the selectors `match[]` selects from `start` to `end`;
/// 204 when that is durable.
pub(crate) async fn delete_series(
    State(state): State<AppState>,
    params: Params,
) -> Result<StatusCode, ApiError> {
    enabled(&state)?;
    let selectors = params
        .matcher_sets()
        .map_err(|e| ApiError::invalid_parameter("match[]", e))?;
    if selectors.is_empty() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let range = params.time_range()?;
    if range.is_empty() {
        let reason = "end timestamp must not be before start time";
        return Err(ApiError::invalid_parameter("end", reason));
    }
    change(&state, move |db| {
        let selectors: Vec<&[Matcher]> = selectors.iter().map(|set| &**set).collect();
        db.delete(&selectors, range)
    })
    .await
}

/// `POST|PUT /api/v1/admin/tsdb/clean_tombstones`: writes the files anew that have deleted samples; 204 when it is done.
pub(crate) async fn clean_tombstones(
    State(state): State<AppState>,
) -> Result<StatusCode, ApiError> {
    enabled(&state)?;
    change(&state, |db| db.clean_tombstones()).await
}

/// Runs a change of the store on a thread of its own: not in the pool of queries, since it may take long, and there is at
/// most one at work in the store anyway.
async fn change(
    state: &AppState,
    change: impl FnOnce(&Db) -> tsdb_core::Result<()> + Send + 'static,
) -> Result<StatusCode, ApiError> {
    let db = state.store()?;
    tokio::task::spawn_blocking(move || change(&db))
        .await
        .map_err(|_| PoolError::Panicked)??;
    Ok(StatusCode::NO_CONTENT)
}
