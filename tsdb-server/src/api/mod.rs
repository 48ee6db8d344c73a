//! Reading: Prometheus's HTTP API, parameter by parameter and byte by byte as its clients expect it.

mod admin;
mod answer;
mod ast;
mod exemplars;
mod explain;
pub(crate) mod json;
mod json_histogram;
mod labels;
mod metadata;
mod page;
pub(crate) mod params;
mod query;
mod running;
mod series;
mod stats;
mod status;

use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use tsdb_core::Db;

pub(crate) use params::Params;

use crate::error::ApiError;
use crate::state::AppState;

/// Prometheus's words when `limit` cut an answer.
const TRUNCATED: &str = "results truncated due to limit";

/// Routes of the reading side.
pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/", get(page::index))
        .route("/api/v1/query", get(query::instant).post(query::instant))
        .route("/api/v1/query_range", get(query::range).post(query::range))
        .route(
            "/api/v1/query_exemplars",
            get(exemplars::query).post(exemplars::query),
        )
        .route(
            "/api/v1/format_query",
            get(query::format).post(query::format),
        )
        .route(
            "/api/v1/parse_query",
            get(query::parse_query).post(query::parse_query),
        )
        .route("/api/v1/series", get(series::series).post(series::series))
        .route("/api/v1/labels", get(labels::names).post(labels::names))
        .route("/api/v1/label/{name}/values", get(labels::values))
        .route("/api/v1/metadata", get(metadata::metadata))
        .route("/api/v1/rules", get(status::rules))
        .route("/api/v1/alerts", get(status::alerts))
        .route("/api/v1/alertmanagers", get(status::alertmanagers))
        .route("/api/v1/targets", get(status::targets))
        .route("/api/v1/targets/metadata", get(status::empty_list))
        .route("/api/v1/scrape_pools", get(status::scrape_pools))
        .route("/api/v1/notifications", get(status::empty_list))
        .route("/api/v1/status/buildinfo", get(status::buildinfo))
        .route("/api/v1/status/runtimeinfo", get(status::runtimeinfo))
        .route("/api/v1/status/tsdb", get(status::tsdb))
        .route("/api/v1/status/flags", get(status::flags))
        .route("/api/v1/status/config", get(status::config))
        .route("/api/v1/status/queries", get(running::list))
        .route("/api/v1/status/walreplay", get(status::walreplay))
        .route(
            "/api/v1/admin/tsdb/flush",
            post(admin::flush).put(admin::flush),
        )
        .route(
            "/api/v1/admin/tsdb/snapshot",
            post(admin::snapshot).put(admin::snapshot),
        )
        .route("/api/v1/admin/queries/{id}/kill", post(running::kill))
        .route(
            "/api/v1/admin/tsdb/delete_series",
            post(admin::delete_series).put(admin::delete_series),
        )
        .route(
            "/api/v1/admin/tsdb/clean_tombstones",
            post(admin::clean_tombstones).put(admin::clean_tombstones),
        )
        .route("/-/healthy", get(admin::healthy))
        .route("/-/ready", get(admin::ready))
        .route("/-/quit", post(admin::quit).put(admin::quit))
        .route("/-/reload", post(admin::reload).put(admin::reload))
}

/// A finished JSON document.
#[derive(Debug)]
pub(crate) struct Json(pub(crate) Vec<u8>);

impl IntoResponse for Json {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}

/// Runs a look-up in the store on the pool of queries.
async fn lookup(
    state: &AppState,
    job: impl FnOnce(&Db) -> Result<Vec<u8>, ApiError> + Send + 'static,
) -> Result<Json, ApiError> {
    let db = state.store()?;
    Ok(Json(state.shared.queries.run(move || job(&db)).await??))
}

/// Cuts a list down to `limit`; the warning, if there was something to cut.
fn truncate<T>(items: &mut Vec<T>, limit: Option<usize>) -> Vec<String> {
    match limit {
        Some(limit) if items.len() > limit => {
            items.truncate(limit);
            vec![TRUNCATED.to_owned()]
        }
        _ => Vec::new(),
    }
}
