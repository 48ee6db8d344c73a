//! Headers that tell browsers what not to do with an answer.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::state::AppState;

/// Pages are ours alone: their styles stand in them, and there are no scripts.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; \
    base-uri 'none'; frame-ancestors 'none'";

/// Puts them on every answer; those of the web configuration win.
pub(crate) async fn secure(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let content_type = headers.get(header::CONTENT_TYPE);
    let is_page = content_type.is_some_and(|v| v.as_bytes().starts_with(b"text/html"));
    let policy = is_page.then_some((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY));
    let always = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in always.into_iter().chain(policy) {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in &state.web().headers {
        headers.insert(name, value.clone());
    }
    response
}
