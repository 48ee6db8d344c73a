//! Answers that no route gives: not found, wrong method, plain errors.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};

/// Plain text, as Go's `http.Error` sends it.
pub(crate) fn text_error(status: StatusCode, text: impl Into<String>) -> Response {
    let mut text = text.into();
    text.push('\n');
    (
        status,
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
        text,
    )
        .into_response()
}

/// Grafana looks for this text to learn that there is no ruler API.
pub(crate) async fn not_found() -> Response {
    text_error(StatusCode::NOT_FOUND, "404 page not found")
}

pub(crate) async fn method_not_allowed() -> Response {
    text_error(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
}

/// gzip for who accepts it. Not of streamed remote read: its frames are to arrive as they are made, and chunks are
/// compressed already.
pub(crate) fn compression() -> CompressionLayer<impl Predicate> {
    let not_for = NotForContentType::const_new("application/x-streamed-protobuf");
    CompressionLayer::new().compress_when(DefaultPredicate::new().and(not_for))
}
