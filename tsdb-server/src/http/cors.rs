//! Answers that pages of other origins may read.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::routes::PREFIX;
use crate::state::AppState;

/// The pattern of Prometheus's default.
const ANY_ORIGIN: &str = ".*";

/// Answers preflight requests, and lets pages of the origins read answers that `--web.cors.origin` names.
pub(crate) async fn cors(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_api = path
        .strip_prefix(PREFIX)
        .unwrap_or(path)
        .starts_with("/api/");
    let origin = request.headers().get(header::ORIGIN).cloned();
    let mut response = if is_api && request.method() == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
    if is_api {
        let headers = response.headers_mut();
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(allowed) = origin.and_then(|origin| allowed(&state, origin)) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
            for (name, value) in [
                (
                    header::ACCESS_CONTROL_ALLOW_HEADERS,
                    "Accept, Authorization, Content-Type, Origin",
                ),
                (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
                (header::ACCESS_CONTROL_EXPOSE_HEADERS, "Date"),
            ] {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
    }
    response
}

/// The origin that is told to be allowed: for any origin `*`, as Prometheus does.
fn allowed(state: &AppState, origin: HeaderValue) -> Option<HeaderValue> {
    let allowed = state.shared.cors_origin.as_ref()?;
    if state.shared.config.cors_origin == ANY_ORIGIN {
        return Some(HeaderValue::from_static("*"));
    }
    origin
        .to_str()
        .is_ok_and(|origin| allowed.is_match(origin))
        .then_some(origin)
}
