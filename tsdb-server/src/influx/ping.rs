//! Whether the server is there.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::VERSION;
use crate::state::AppState;

/// `GET|HEAD /ping`: 204 whatever the state of the store; clients of version 1 wait for nothing else.
pub(crate) async fn ping() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// `GET /health`, of version 2.
pub(crate) async fn health(State(state): State<AppState>) -> Response {
    let (status, word, message) = match state.store() {
        Ok(_) => (StatusCode::OK, "pass", "ready for queries and writes"),
        Err(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "fail",
            "the store is being recovered",
        ),
    };
    let body = json!({
        "name": "influxdb",
        "message": message,
        "status": word,
        "checks": [],
        "version": VERSION,
    });
    let content_type = [(header::CONTENT_TYPE, "application/json")];
    (status, content_type, body.to_string()).into_response()
}
