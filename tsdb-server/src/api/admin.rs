//! Health, readiness, and what changes the store.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use tsdb_core::{Db, Matcher, SnapshotHead};

use super::params::Params;
use super::{Json, json};
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

/// The refusal of what steers the process, unless that is switched on; in Prometheus's words.
fn lifecycle_refusal(state: &AppState) -> Option<Response> {
    let refusal = || (StatusCode::FORBIDDEN, "Lifecycle API is not enabled.").into_response();
    (!state.shared.config.enable_lifecycle).then(refusal)
}

/// `POST|PUT /-/reload`: reads the configuration file again.
pub(crate) async fn reload(State(state): State<AppState>) -> Response {
    if let Some(refusal) = lifecycle_refusal(&state) {
        return refusal;
    }
    match tokio::task::spawn_blocking(move || state.reload()).await {
        Ok(Ok(())) => StatusCode::OK.into_response(),
        Ok(Err(e)) => {
            tracing::error!(error = %e, "the configuration is not reloaded, the one before stays");
            let text = format!("failed to reload config: {e}");
            text_error(StatusCode::INTERNAL_SERVER_ERROR, text)
        }
        Err(_) => ApiError::from(PoolError::Panicked).into_response(),
    }
}

/// `POST|PUT /-/quit`: ends the server as SIGTERM does.
pub(crate) async fn quit(State(state): State<AppState>) -> Response {
    if let Some(refusal) = lifecycle_refusal(&state) {
        return refusal;
    }
    state.quit();
    "Requesting termination... Goodbye!".into_response()
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

/// `POST|PUT /api/v1/admin/tsdb/snapshot`: makes a copy of the store that is a store, and names it. With `skip_head` what is
/// in memory alone is left out.
pub(crate) async fn snapshot(
    State(state): State<AppState>,
    params: Params,
) -> Result<Json, ApiError> {
    enabled(&state)?;
    let head = match params.switch("skip_head")? {
        true => SnapshotHead::Skipped,
        false => SnapshotHead::Included,
    };
    let db = state.store()?;
    let name = snapshot_name();
    let dir = db.snapshots_dir().join(&name);
    tokio::task::spawn_blocking(move || db.snapshot_to(dir, head))
        .await
        .map_err(|_| PoolError::Panicked)??;
    tracing::info!(name, "snapshot made");
    Ok(Json(json::success(|out| {
        out.extend_from_slice(serde_json::json!({ "name": name }).to_string().as_bytes());
    })))
}

/// As Prometheus names them: the time and a random number.
fn snapshot_name() -> String {
    let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    // The standard library's hasher keys are its only randomness.
    let random = RandomState::new().build_hasher().finish();
    format!("{time}-{random:016x}")
}

/// `POST|PUT /api/v1/admin/tsdb/delete_series`: deletes what any of the selectors `match[]` selects from `start` to `end`;
/// 204 when that is durable.
pub(crate) async fn delete_series(
    State(state): State<AppState>,
    params: Params,
) -> Result<StatusCode, ApiError> {
    enabled(&state)?;
    let selectors = params.selectors();
    if selectors.is_empty() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let range = params.time_range()?;
    if range.is_empty() {
        let reason = "end timestamp must not be before start time";
        return Err(ApiError::invalid_parameter("end", reason));
    }
    change(&state, move |db| {
        let sets = selectors.matcher_sets();
        let sets = sets.map_err(|e| ApiError::invalid_parameter("match[]", e))?;
        let sets: Vec<&[Matcher]> = sets.iter().map(|set| &**set).collect();
        Ok::<_, ApiError>(db.delete(&sets, range)?)
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
async fn change<E>(
    state: &AppState,
    change: impl FnOnce(&Db) -> Result<(), E> + Send + 'static,
) -> Result<StatusCode, ApiError>
where
    E: Send + 'static,
    ApiError: From<E>,
{
    let db = state.store()?;
    tokio::task::spawn_blocking(move || change(&db))
        .await
        .map_err(|_| PoolError::Panicked)??;
    Ok(StatusCode::NO_CONTENT)
}
