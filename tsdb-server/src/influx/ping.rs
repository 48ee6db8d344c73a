//! Whether the server is there.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::VERSION;
use crate::error::json_answer;
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
    json_answer(status, body.to_string())
}
