//! The size of what comes before the body.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;

use super::answers::text_error;
use crate::state::AppState;

/// Refuses what is too large, by the name of the flag. What is much too large does not come so far: the parser refuses
/// it with the same status.
pub(crate) async fn limit_head(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let bounds = state.shared.config.bounds();
    let target = request.uri().path_and_query();
    if target.is_some_and(|target| target.as_str().len() > bounds.uri_bytes) {
        let reason = format!(
            "the URL is longer than {} bytes, see --web.max-uri-bytes; a form in the body of a POST may be longer",
            bounds.uri_bytes
        );
        return text_error(StatusCode::URI_TOO_LONG, reason);
    }
    let headers = request.headers();
    let sizes = headers
        .iter()
        .map(|(name, v)| name.as_str().len() + v.len());
    let reason = if headers.len() > bounds.headers {
        format!(
            "more than {} headers, see --web.max-headers",
            bounds.headers
        )
    } else if sizes.sum::<usize>() > bounds.header_bytes {
        let most = bounds.header_bytes;
        format!("more than {most} bytes of headers, see --web.max-header-bytes")
    } else {
        return next.run(request).await;
    };
    text_error(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, reason)
}
