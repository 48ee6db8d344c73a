//! `/`: a page for people.

use axum::response::Html;

/// `GET /`
pub(crate) async fn index() -> Html<&'static str> {
    Html(include_str!("index.html"))
}
