//! Queries under way: the list, and how to end one.

use std::sync::atomic::Ordering;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Json, admin, json as writer};
use crate::api::status::rfc3339;
use crate::error::{ApiError, ErrorKind};
use crate::state::AppState;

/// `GET /api/v1/status/queries`: the oldest first.
pub(crate) async fn list(State(state): State<AppState>) -> Json {
    let queries = state.shared.running.list().into_iter().map(|(id, query)| {
        json!({
            "id": id,
            "query": query.text,
            "client": query.client.map(|client| client.to_string()),
            "since": rfc3339(query.since),
            "running": query.runs.load(Ordering::Relaxed),
            "samples": query.progress.samples_read(),
            "bytes": query.progress.bytes(),
        })
    });
    let queries = Value::from_iter(queries);
    Json(writer::success(|out| {
        out.extend_from_slice(queries.to_string().as_bytes());
    }))
}

/// `POST /api/v1/admin/queries/<id>/kill`: 204 when the query was told to end, which it does at its next look.
pub(crate) async fn kill(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    admin::enabled(&state)?;
    let killed = id.parse().is_ok_and(|id| state.shared.running.kill(id));
    if killed {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::new(
            ErrorKind::NotFound,
            format!("no query {id:?} is under way"),
        ))
    }
}
